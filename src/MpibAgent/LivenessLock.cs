using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent;

/// <summary>
/// The write lock that the agent holds on a file which it publishes for as long as it lives (doc/interface.md): of the open file description, fcntl(2), so
/// asking for it takes read access alone. The agent takes it, its tools ask.
/// </summary>
internal static partial class LivenessLock
{
    /// <summary>Takes it for as long as the handle is open; false and errno when it cannot be had.</summary>
    public static bool TryTake(SafeFileHandle handle)
    {
        var whole = new FileRange { Type = WriteLock };
        return Control((int)handle.DangerousGetHandle(), SetLockOfDescription, ref whole) == 0;
    }

    /// <summary>Whether somebody else holds it.</summary>
    public static bool IsTaken(SafeFileHandle handle)
    {
        var whole = new FileRange { Type = ReadLock };
        return Control((int)handle.DangerousGetHandle(), GetLockOfDescription, ref whole) == 0 && whole.Type == WriteLock;
    }

    private const short ReadLock = 0;
    private const short WriteLock = 1;
    private const int GetLockOfDescription = 36;
    private const int SetLockOfDescription = 37;

    /// <summary>struct flock: start and length 0 are the whole file.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FileRange
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Pid;
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, ref FileRange range);
}
