using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent;

/// <summary>
/// Whose files the agent trusts, and who owns those that it makes. The rule: a directory belongs to the agent's own user and nobody else
/// can write to it, so no name in it can be exchanged under the agent; every name in it is still opened without following a link
/// and checked. Root also trusts the service's user, and gives that user what it makes, so that a root's foreground run and the service
/// can take turns. Pure system calls, no state but who the service's user is; any thread.
/// </summary>
internal static partial class Ownership
{
    /// <summary>The user and the group of the service (deploy/mpib-agent.sysusers).</summary>
    public const string ServiceUser = "mpib";

    // Asked once, at the start: the answer may come from a directory service over the network, and the loop must not wait for one.
    private static readonly Lazy<(uint User, uint Group)?> _serviceUser = new(() => LookUpUser(ServiceUser));

    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>The user that this process acts as.</summary>
    public static uint CurrentUser => GetEffectiveUser();

    /// <summary>Makes <paramref name="path"/> unless it is there, and checks that it is ours and only ours to write to.</summary>
    /// <exception cref="Fault">It is not, or cannot be made.</exception>
    public static void PrepareDirectory(string path)
    {
        if (MakeDirectory(path, 0x1ED /* 0755 */) == 0)
        {
            // Whatever the umask is: jobs of all users come in here.
            File.SetUnixFileMode(path, (UnixFileMode)0x1ED);
            GiveToServiceUser(path);
        }
        else if (Marshal.GetLastPInvokeError() is not FileExists and var error)
        {
            throw new Fault($"cannot make the directory {path}: {Marshal.GetPInvokeErrorMessage(error)}; "
                + (error == NoSuchFile ? $"run: mkdir -p {Path.GetDirectoryName(path)}" : WhatToRun));
        }

        var status = FileStatus.Of(path) ?? throw new Fault($"cannot look at {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        if (status.Type != UnixFileType.Directory)
        {
            throw new Fault($"{path}: expected a directory, found {Describe(status.Type)}; remove it");
        }

        if (!IsTrusted(status.Owner))
        {
            // A directory of root's, such as /run, is nobody's to remove.
            throw new Fault($"{path}: belongs to {UserName(status.Owner)}, not to {UserName(CurrentUser)}; "
                + (status.Owner == 0 && CurrentUser == _serviceUser.Value?.User ? "choose a directory of the agent's own" : WhatToRun));
        }

        if ((status.Mode & WritableByOthers) != 0)
        {
            throw new Fault($"{path}: others can write to it (mode {Octal(status.Mode)}), so nothing in it can be trusted; "
                + "choose a directory of the agent's own");
        }
    }

    /// <summary>Opens a file in a directory of ours: never through a link, never waiting. Null when there is none.</summary>
    /// <remarks>Not <see cref="File.OpenHandle"/>: that takes a flock(2), which a stranger who can read the file can hold against us.</remarks>
    /// <exception cref="Fault">It cannot be opened, is of another type, or belongs to a user who is not trusted.</exception>
    public static SafeFileHandle? Open(string path, UnixFileType expected, FileAccess access)
    {
        var descriptor = OpenFile(path, (access == FileAccess.Read ? OpenFlags.ReadOnly : OpenFlags.ReadWrite)
            | OpenFlags.NonBlocking | OpenFlags.NoFollowLink | OpenFlags.CloseOnExec, 0);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == NoSuchFile)
            {
                return null;
            }

            if (FileStatus.Of(path) is { } found)
            {
                CheckFile(path, found, expected);
            }

            throw new Fault($"cannot open {path}: {Marshal.GetPInvokeErrorMessage(error)}; {(error == NoMoreDescriptors ? "raise LimitNOFILE=" : WhatToRun)}");
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            CheckFile(path, Status(descriptor), expected);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Where a file is made before it gets its name; none where there is no file.</summary>
    public static string DraftOf(string path) => path.Length > 0 ? path + ".new" : "";

    /// <summary>Makes a file that was not there, with exactly this mode, and gives it to the service's user when root makes it.</summary>
    /// <exception cref="Fault">It is there, or cannot be made.</exception>
    public static SafeFileHandle Create(string path, UnixFileMode mode)
    {
        var descriptor = OpenFile(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollowLink | OpenFlags.CloseOnExec,
            (uint)mode);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new Fault($"cannot make {path}: {Marshal.GetPInvokeErrorMessage(error)}; "
                + (error == NoSpace ? "make room on its file system" : WhatToRun));
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        File.SetUnixFileMode(handle, mode);
        if (CurrentUser == 0 && _serviceUser.Value is var (user, group))
        {
            _ = ChangeOwner(descriptor, user, group);
        }

        return handle;
    }

    /// <summary>Gives a file that cannot be used a name that says so, and returns the name. Nothing is overwritten.</summary>
    public static string MoveAside(string path)
    {
        for (var i = 1; ; i++)
        {
            var aside = string.Create(CultureInfo.InvariantCulture, $"{path}.invalid-{i}");
            if (FileStatus.Of(aside) is null)
            {
                File.Move(path, aside);
                return aside;
            }
        }
    }

    /// <summary>Checks a file that was found under a path of ours.</summary>
    /// <exception cref="Fault">It is of another type, or of a user who is not trusted.</exception>
    public static void CheckFile(string path, FileStatus status, UnixFileType expected)
    {
        if (status.Type != expected)
        {
            throw new Fault($"{path}: expected {Describe(expected)}, found {Describe(status.Type)}; remove it");
        }

        if (!IsTrusted(status.Owner))
        {
            throw new Fault($"{path}: belongs to {UserName(status.Owner)}, not to {UserName(CurrentUser)}; {WhatToRun}");
        }

        if (status.Links != 1)
        {
            throw new Fault($"{path}: expected one name, found {status.Links} hard links: it is somewhere else as well; remove it");
        }
    }

    /// <summary>Whether files of this user are taken for our own.</summary>
    public static bool IsTrusted(uint owner) =>
        owner == CurrentUser || (CurrentUser == 0 && owner == _serviceUser.Value?.User);

    /// <summary>The state of an open descriptor.</summary>
    public static FileStatus Status(int descriptor) =>
        FileStatus.Of(descriptor) ?? throw new IOException($"statx: {Marshal.GetLastPInvokeErrorMessage()}");

    /// <summary>When root made <paramref name="path"/> and the service's user exists, it is that user's from here on.</summary>
    public static void GiveToServiceUser(string path)
    {
        if (CurrentUser == 0 && _serviceUser.Value is var (user, group) && ChangeOwner(path, user, group) != 0)
        {
            throw new Fault($"cannot give {path} to {ServiceUser}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Gives an open file to a group; null when it is done, otherwise why not.</summary>
    public static string? WhyNotGivenToGroup(SafeFileHandle handle, string group) =>
        LookUpGroup(group) is not { } id ? "there is no such group"
        : ChangeOwner((int)handle.DangerousGetHandle(), uint.MaxValue, id) != 0 ? Marshal.GetLastPInvokeErrorMessage()
        : null;

    /// <summary>Whether a file is a group's, as far as there is one of this name.</summary>
    public static bool IsOfGroup(FileStatus file, string group) => LookUpGroup(group) == file.Group;

    /// <summary>A file mode the way operators write it.</summary>
    public static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');

    /// <summary>The inverse of <see cref="Octal"/>; the text has been checked with the settings.</summary>
    public static UnixFileMode ParseMode(string octal) => (UnixFileMode)Convert.ToInt32(octal, 8);

    /// <summary>A user's number, with "root" and our own service's user by name.</summary>
    public static string UserName(uint user) =>
        user == 0 ? "root" : user == _serviceUser.Value?.User ? ServiceUser : string.Create(CultureInfo.InvariantCulture, $"uid {user}");

    /// <summary>What to do for an operator who lacks permission.</summary>
    public static string WhatToRun => CurrentUser == 0 || CurrentUser == _serviceUser.Value?.User
        ? "remove it when no job runs, or choose another path"
        : "run: sudo systemctl start mpib-agent, or: sudo mpib-agent, or choose other paths with --hints, --socket and --control";

    private static string Describe(UnixFileType type) => type switch
    {
        UnixFileType.Fifo => "a FIFO",
        UnixFileType.Directory => "a directory",
        UnixFileType.Regular => "a regular file",
        UnixFileType.SymbolicLink => "a symbolic link",
        UnixFileType.Socket => "a socket",
        _ => "a device",
    };

    private static (uint User, uint Group)? LookUpUser(string name)
    {
        // struct passwd: name, password, then uid and gid.
        var entry = GetPasswordEntry(name);
        return entry == 0 ? null : ((uint)Marshal.ReadInt32(entry, 2 * nint.Size), (uint)Marshal.ReadInt32(entry, (2 * nint.Size) + 4));
    }

    private static uint? LookUpGroup(string name)
    {
        // struct group: name, password, then gid.
        var entry = GetGroupEntry(name);
        return entry == 0 ? null : (uint)Marshal.ReadInt32(entry, 2 * nint.Size);
    }

    private const int NoSuchFile = 2;
    private const int FileExists = 17;
    private const int NoMoreDescriptors = 24;
    private const int NoSpace = 28;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(int descriptor, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "getpwnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetPasswordEntry(string name);

    [LibraryImport("libc", EntryPoint = "getgrnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetGroupEntry(string name);
}
