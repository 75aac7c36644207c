using System.Runtime.InteropServices;

namespace MpibAgent;

/// <summary>What a process has from who starts it, put right before anything else is opened.</summary>
internal static partial class ProcessStart
{
    /// <summary>
    /// A standard descriptor that is closed (<c>&gt;&amp;-</c>) becomes /dev/null: the next file that is opened would have its number, and the log would be
    /// written there. A file that may not grow (RLIMIT_FSIZE) is an error like a full disk, not the end (SIGXFSZ).
    /// </summary>
    public static void Prepare()
    {
        for (var descriptor = 0; descriptor <= LastStandard; descriptor++)
        {
            if (Control(descriptor, GetDescriptorFlags, 0) < 0)
            {
                // The lowest number that is free, which is this one.
                _ = Open("/dev/null", OpenFlags.ReadWrite);
            }
        }

        _ = Signal(FileSizeExceeded, Ignore);
    }

    private const int LastStandard = 2;
    private const int GetDescriptorFlags = 1;
    private const int FileSizeExceeded = 25;
    private const nint Ignore = 1;

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int number, nint handler);
}
