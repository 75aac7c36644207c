using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MpibAgent;

/// <summary>What the kernel says of a file (statx(2)).</summary>
internal readonly partial record struct FileStatus(UnixFileType Type, UnixFileMode Mode, uint Owner, uint Group, uint Links, ulong Inode, ulong Size)
{
    /// <summary>Of what a path names, a link itself and not its target; null and errno when there is nothing, or no way to it.</summary>
    public static FileStatus? Of(string path) => Read(CurrentDirectory, path, NoFollow);

    /// <summary>Of what a path leads to, links followed; null and errno likewise.</summary>
    public static FileStatus? OfTarget(string path) => Read(CurrentDirectory, path, 0);

    /// <summary>Of an open descriptor; null and errno when it fails.</summary>
    public static FileStatus? Of(int descriptor) => Read(descriptor, "", EmptyPath);

    private static FileStatus? Read(int directory, string path, int flags)
    {
        // struct statx has one layout on all architectures, unlike struct stat.
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(directory, path, flags, BasicStats, buffer) != 0)
        {
            return null;
        }

        var mode = BinaryPrimitives.ReadUInt16LittleEndian(buffer[28..]);
        return new FileStatus(
            (UnixFileType)(mode & 0xF000),
            (UnixFileMode)(mode & 0xFFF),
            Owner: BinaryPrimitives.ReadUInt32LittleEndian(buffer[20..]),
            Group: BinaryPrimitives.ReadUInt32LittleEndian(buffer[24..]),
            Links: BinaryPrimitives.ReadUInt32LittleEndian(buffer[16..]),
            Inode: BinaryPrimitives.ReadUInt64LittleEndian(buffer[32..]),
            Size: BinaryPrimitives.ReadUInt64LittleEndian(buffer[40..]));
    }

    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const uint BasicStats = 0x7FF;

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> buffer);
}

/// <summary>The type bits of a file's mode.</summary>
internal enum UnixFileType
{
    Fifo = 0x1000,
    Directory = 0x4000,
    Regular = 0x8000,
    SymbolicLink = 0xA000,
    Socket = 0xC000,
}
