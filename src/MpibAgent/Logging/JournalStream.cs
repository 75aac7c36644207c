using System.Globalization;
using System.Runtime.InteropServices;
using MpibAgent.Systemd;

namespace MpibAgent.Logging;

/// <summary>
/// Tells whether journald is at the other end of standard error (systemd.exec(5), JOURNAL_STREAM), and so whether the log belongs there.
/// The variable alone does not say: it is inherited by a child whose output went elsewhere.
/// </summary>
internal static partial class JournalStream
{
    private const int StandardError = 2;
    private const int AtEmptyPath = 0x1000;
    private const uint StatxIno = 0x100;
    private const int TypeBits = 0xF000;
    private const int CharacterDevice = 0x2000;

    /// <summary>Standard error goes to journald.</summary>
    public static bool IsConnected => Names(Environment.GetEnvironmentVariable("JOURNAL_STREAM"), StandardError);

    /// <summary>Standard error leads nowhere in a service: where journald is away when a service starts, systemd opens /dev/null in its place.</summary>
    public static bool IsMissing => NotifySocket.Path is not null && IsNull(StandardError);

    /// <summary><paramref name="descriptor"/> has /dev/null open.</summary>
    public static bool IsNull(int descriptor) =>
        Statx(descriptor, "", AtEmptyPath, StatxIno, out var file) == 0 && (file.Mode & TypeBits) == CharacterDevice && (file.DeviceOfMajor, file.DeviceOfMinor) == (1, 3);

    /// <summary><paramref name="variable"/>, "device:inode" in decimal, is the file that <paramref name="descriptor"/> has open.</summary>
    public static bool Names(string? variable, int descriptor)
    {
        var text = variable.AsSpan();
        var colon = text.IndexOf(':');
        return colon > 0
            && ulong.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var device)
            && ulong.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var inode)
            && Statx(descriptor, "", AtEmptyPath, StatxIno, out var file) == 0
            && file.Inode == inode
            && Device(file.DeviceMajor, file.DeviceMinor) == device;
    }

    /// <summary>st_dev of stat(2), which is makedev(3) of the two numbers that statx(2) gives.</summary>
    public static ulong Device(uint major, uint minor) =>
        (minor & 0xFFUL) | ((major & 0xFFFUL) << 8) | ((minor & ~0xFFUL) << 12) | ((major & ~0xFFFUL) << 32);

    // Not fstat: struct stat differs from one architecture to the next, struct statx does not.
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, out FileStatus status);

    /// <summary>struct statx, as much of it as is read here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct FileStatus
    {
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(128)] public uint DeviceOfMajor;
        [FieldOffset(132)] public uint DeviceOfMinor;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
    }
}
