using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent;

/// <summary>
/// Makes the agent the one that writes a file: an exclusive flock(2), for as long as this object and the process live, on another file beside it. Not
/// on the file itself, which strangers may be able to open and therefore to lock; this one is mode 0600. It holds the owner's pid, where there was room for it.
/// </summary>
internal sealed partial class FileLock : IDisposable
{
    private readonly SafeFileHandle _handle;

    private FileLock(SafeFileHandle handle) => _handle = handle;

    /// <summary>Takes the lock at once or not at all.</summary>
    /// <exception cref="Fault">Another agent has it, or the file is not ours.</exception>
    public static FileLock Take(string path)
    {
        var handle = Obtain(path);
        try
        {
            if (Flock((int)handle.DangerousGetHandle(), Exclusive | NonBlocking) != 0)
            {
                throw new Fault($"another agent is running (pid {Owner(handle)}): it holds {path}; run: systemctl status mpib-agent");
            }

            Sign(handle);
            return new FileLock(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Lets go of the lock. The file stays: removing it would let two agents lock two files of one name.</summary>
    public void Dispose() => _handle.Dispose();

    private static SafeFileHandle Obtain(string path)
    {
        if (Ownership.Open(path, UnixFileType.Regular, FileAccess.ReadWrite) is { } found)
        {
            return found;
        }

        try
        {
            return Ownership.Create(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (Fault) when (FileStatus.Of(path) is not null)
        {
            // Another agent that starts at this moment has made it first.
            return Ownership.Open(path, UnixFileType.Regular, FileAccess.ReadWrite) ?? throw new Fault($"{path}: vanished right after it was made");
        }
    }

    /// <summary>
    /// Written over what is there and cut to its length then: whoever fills the file system has no page to take in between. Where there is no room at all
    /// it stays without a pid, which is for people; the lock is the flock.
    /// </summary>
    private static void Sign(SafeFileHandle handle)
    {
        var pid = Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n");
        var length = 0;
        try
        {
            RandomAccess.Write(handle, pid, 0);
            length = pid.Length;
        }
        catch (IOException)
        {
            // Then not that of the one before either.
        }

        RandomAccess.SetLength(handle, length);
    }

    private static string Owner(SafeFileHandle handle)
    {
        Span<byte> text = stackalloc byte[16];
        var length = RandomAccess.Read(handle, text, 0);
        return int.TryParse(text[..length].TrimEnd((byte)'\n'), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
            ? pid.ToString(CultureInfo.InvariantCulture)
            : "unknown";
    }

    private const int Exclusive = 2;
    private const int NonBlocking = 4;

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(int descriptor, int operation);
}
