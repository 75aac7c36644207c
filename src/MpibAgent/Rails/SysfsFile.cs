using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent.Rails;

/// <summary>
/// One file of sysfs: opened once, and read from its start each time, which makes the kernel fill it anew. Never more than
/// <see cref="LongestText"/> bytes, whatever is there; a failure is a value, since here it is ordinary. Owned by a
/// <see cref="RailDevice"/>, or for one look by <see cref="SysfsTree"/>.
/// </summary>
internal sealed partial class SysfsFile(string path) : IDisposable
{
    /// <summary>A text that is longer is none of those that are read here.</summary>
    public const int LongestText = 64;

    private SafeFileHandle? _handle;
    private int _error = NoSuchFile;

    public string Path => path;

    /// <summary>Whether the last read failed because the device that the file spoke of is gone: it has to be opened anew.</summary>
    public bool IsOrphaned => _error == NoSuchDevice;

    /// <summary>Why the last read gave no number.</summary>
    public string Reason => _error switch
    {
        0 => "it holds no number",
        TooLong => $"it holds more than {LongestText} bytes",
        _ => Marshal.GetPInvokeErrorMessage(_error),
    };

    /// <summary>Opens it unless it is open; a link is followed, since sysfs is made of them, and nothing is waited for.</summary>
    public void Open()
    {
        if (IsOrphaned)
        {
            Dispose();
        }

        if (_handle is null)
        {
            var descriptor = OpenFile(path, OpenFlags.ReadOnly | OpenFlags.NonBlocking | OpenFlags.CloseOnExec);
            _error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            _handle = descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
        }
    }

    /// <summary>What it says now, without the newline at the end; empty when it cannot be read.</summary>
    /// <param name="buffer">Room of <see cref="LongestText"/> bytes.</param>
    public ReadOnlySpan<byte> Read(Span<byte> buffer)
    {
        if (_handle is null)
        {
            return [];
        }

        var length = Read(_handle, buffer, buffer.Length, 0);
        _error = length < 0 ? Marshal.GetLastPInvokeError() : length == buffer.Length ? TooLong : 0;
        return _error != 0 ? [] : buffer[..(int)length].TrimEnd("\n"u8);
    }

    /// <summary>The number that it holds now.</summary>
    public ulong? ReadNumber() => SysfsText.Number(Read(stackalloc byte[LongestText]));

    public void Dispose()
    {
        _handle?.Dispose();
        _handle = null;
    }

    private const int NoSuchFile = 2;
    private const int NoSuchDevice = 19;
    private const int TooLong = 75;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, Span<byte> buffer, nint count, long offset);
}
