using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using MpibAgent;

namespace MpibCtl;

/// <summary>
/// Opens files of the agent and of nobody else: never through a link, never waiting, and only what belongs to the service's user, to root, or to
/// who runs this. Elsewhere anybody could have put a snapshot that sends an operator's commands astray.
/// </summary>
public static partial class TrustedFile
{
    /// <summary>The user of the service (deploy/mpib-agent.sysusers).</summary>
    public const string ServiceUser = "mpib";

    /// <summary>Opens <paramref name="path"/>; null, and why, when it cannot be or should not be opened.</summary>
    /// <param name="path">What to open.</param>
    /// <param name="isFifo">A FIFO, to write to, with a reader; otherwise a regular file, to read.</param>
    /// <param name="problem">Why not, and what to do.</param>
    /// <param name="isAbsent">There is nothing of that name.</param>
    public static SafeFileHandle? Open(string path, bool isFifo, out string problem, out bool isAbsent)
    {
        problem = "";
        isAbsent = false;
        var descriptor = OpenFile(path, (isFifo ? OpenFlags.WriteOnly : OpenFlags.ReadOnly)
            | OpenFlags.NonBlocking | OpenFlags.NoFollowLink | OpenFlags.CloseOnExec);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            isAbsent = error is NoSuchFile or NotADirectory;
            problem = error switch
            {
                NoReader => $"{path}: nobody reads it; run: systemctl start mpib-agent",
                TooManyLinks => $"{path}: expected a file, found a symbolic link; remove it",
                PermissionDenied when isFifo => $"{path}: no permission to write; run it with sudo, or join its group: sudo usermod -aG {ServiceUser} $USER",
                NoSuchFile => $"{path}: there is no such file; run: systemctl {(isFifo ? "restart mpib-control.socket mpib-agent" : "start mpib-agent")}",
                _ => $"{path}: {Marshal.GetPInvokeErrorMessage(error)}",
            };
            return null;
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (WhyNotTrusted(path, FileStatus.Of(descriptor), isFifo) is { } reason)
        {
            handle.Dispose();
            problem = reason;
            return null;
        }

        return handle;
    }

    /// <summary>Why a regular file, or a FIFO, is not to be taken for the agent's; null when it may be.</summary>
    internal static string? WhyNotTrusted(string path, FileStatus? found, bool isFifo)
    {
        var expected = isFifo ? UnixFileType.Fifo : UnixFileType.Regular;
        if (found is not { } status)
        {
            return $"{path}: cannot be looked at";
        }

        if (status.Type != expected)
        {
            return $"{path}: expected {(isFifo ? "a FIFO" : "a regular file")}, found something else; it is not the agent's";
        }

        if (!IsTrusted(status.Owner))
        {
            return $"{path}: belongs to {Users.NameOf(status.Owner)}, not to {ServiceUser}, root or you; it is not the agent's";
        }

        return !isFifo && (status.Mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0
            ? $"{path}: others can write to it (mode {Convert.ToString((int)status.Mode, 8)}); run: chmod 0644 {path}" : null;
    }

    /// <summary>Whether files of this user are taken for the agent's.</summary>
    public static bool IsTrusted(uint owner) => owner == 0 || owner == GetEffectiveUser() || owner == Users.IdOf(ServiceUser);

    private const int NoSuchFile = 2;
    private const int NoReader = 6;
    private const int PermissionDenied = 13;
    private const int NotADirectory = 20;
    private const int TooManyLinks = 40;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();
}

/// <summary>Names of users, each looked up once. Any thread may ask: what the system answers is one place for all of them, so it is read under the lock.</summary>
public static partial class Users
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<uint, string> Names = [];

    /// <summary>The user's name, safe to show; "uid N" without one.</summary>
    public static string NameOf(uint user)
    {
        lock (Gate)
        {
            if (!Names.TryGetValue(user, out var name))
            {
                // struct passwd: name, password, then uid and gid.
                var entry = FindById(user);
                var found = entry == 0 ? null : Marshal.PtrToStringUTF8(Marshal.ReadIntPtr(entry));
                Names[user] = name = found is null ? string.Create(CultureInfo.InvariantCulture, $"uid {user}") : Text.Safe(found);
            }

            return name;
        }
    }

    /// <summary>A user's number; null when there is none of that name.</summary>
    public static uint? IdOf(string name)
    {
        lock (Gate)
        {
            var entry = FindByName(name);
            return entry == 0 ? null : (uint)Marshal.ReadInt32(entry, 2 * nint.Size);
        }
    }

    [LibraryImport("libc", EntryPoint = "getpwuid")]
    private static partial nint FindById(uint user);

    [LibraryImport("libc", EntryPoint = "getpwnam", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint FindByName(string name);
}
