using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent.Logging;

/// <summary>
/// Files in memory that nobody can change any more, so that journald can read a large entry in place. Used by <see cref="JournalSocket"/>.
/// </summary>
internal static partial class SealedFile
{
    private const uint MfdCloexec = 1;
    private const uint MfdAllowSealing = 2;
    private const int FAddSeals = 1033;
    private const int FSealSeal = 1;
    private const int FSealShrink = 2;
    private const int FSealGrow = 4;
    private const int FSealWrite = 8;

    /// <summary>A sealed file with these bytes.</summary>
    /// <exception cref="IOException">The system gives none.</exception>
    public static SafeFileHandle Create(ReadOnlySpan<byte> bytes)
    {
        var file = MemfdCreate("mpib-agent-log", MfdCloexec | MfdAllowSealing);
        try
        {
            ThrowIf(file.IsInvalid);
            RandomAccess.Write(file, bytes, 0);
            ThrowIf(Fcntl(file, FAddSeals, FSealSeal | FSealShrink | FSealGrow | FSealWrite) < 0);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void ThrowIf(bool failed)
    {
        if (failed)
        {
            throw new IOException($"a file in memory: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle MemfdCreate(string name, uint flags);

    // Variadic in C; Linux passes the argument as it would a fixed one, on x86-64 and on arm64.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(SafeHandle file, int command, int argument);
}
