using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Slots;

namespace MpibAgent.Registration;

/// <summary>
/// Knows the processes that hold connections, and takes these away the moment a process ends: each has a pidfd on the loop, which the
/// kernel makes readable at its end. Owns the pidfds; on the loop's thread.
/// </summary>
/// <remarks>
/// Why a pid is an identity here although pids are used again. Sockets are accepted in the order of their connect() calls, and
/// SO_PEERCRED names the process that called connect(). A known process that is alive now (its pidfd is not readable) has had its pid since
/// before the connect() by which it became known; so any socket accepted later and before now, with the same pid, is its own. For a socket that is
/// not covered by this, SO_PEERPIDFD gives the peer itself: a dead one is refused, and of the living no two share a pid.
/// </remarks>
internal sealed partial class ProcessWatch(EventLoop loop, SlotTable table, LimitOptions limits, ILogger<ProcessWatch> log) : IHostedService, IDisposable
{
    // Descriptors that are not used for pidfds: those of new peers, whom to refuse takes one.
    private const int ReservedDescriptors = 16;

    private readonly Dictionary<int, PeerProcess> _processes = [];
    private readonly Dictionary<uint, int> _perUser = [];

    /// <summary>The number of the socket that was accepted last.</summary>
    public long LastAccepted { get; set; }

    /// <summary>How many descriptors this process may have (RLIMIT_NOFILE).</summary>
    public static long DescriptorLimit { get; } = ReadDescriptorLimit();

    /// <summary>Watches the processes whose connections an earlier agent left; those that have ended meanwhile lose theirs.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => loop.InvokeAsync(() =>
    {
        foreach (var identity in table.Processes.ToList())
        {
            var pidfd = (int)SystemCall(PidfdOpen, identity.Pid, 0);
            if (pidfd >= 0 && Ownership.Status(pidfd).Inode == identity.PidfdInode && !HasEnded(pidfd))
            {
                Watch(new PeerProcess(identity, pidfd, KnownSince: 0));
                continue;
            }

            if (pidfd >= 0)
            {
                _ = Close(pidfd);
            }
            else if (Marshal.GetLastPInvokeError() is not (NoSuchProcess or NoSuchFile or InvalidArgument) and var error)
            {
                throw new Fault($"cannot watch pid {identity.Pid}: {Marshal.GetPInvokeErrorMessage(error)}; raise LimitNOFILE=");
            }

            Log.ProcessEndedMeanwhile(log, identity.Pid, identity.Uid, table.RemoveProcess(identity.Pid));
        }
    });

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The process behind a socket, if it holds connections already.</summary>
    public bool TryFind(PeerSocket peer, out PeerProcess? process)
    {
        if (_processes.TryGetValue(peer.Pid, out process) && (peer.Number < process.KnownSince || peer.Number > process.ProvenUpTo))
        {
            if (HasEnded(process.Pidfd))
            {
                // Its end is still on the way to us through the loop.
                End(process);
                process = null;
            }
            else if (peer.Number < process.KnownSince)
            {
                process = IsPeerAlive(peer) ? process : null;
            }
            else
            {
                process.ProvenUpTo = LastAccepted;
            }
        }

        return process is not null;
    }

    /// <summary>The process behind a socket, known from here on. Null when it has ended, or cannot be watched (then errno says why).</summary>
    public PeerProcess? FindOrAdd(PeerSocket peer, out int error)
    {
        error = 0;
        if (TryFind(peer, out var process))
        {
            return process;
        }

        if (_perUser.GetValueOrDefault(peer.Uid) >= limits.ProcessesPerUser)
        {
            error = TooManyProcesses;
            return null;
        }

        var pidfd = OpenPidfd(peer, out error);
        if (pidfd < 0)
        {
            return null;
        }

        // The lowest free number is given, so a high one says that few are left.
        if (HasEnded(pidfd) || pidfd >= DescriptorLimit - ReservedDescriptors)
        {
            error = HasEnded(pidfd) ? NoSuchProcess : NoDescriptors;
            _ = Close(pidfd);
            return null;
        }

        if (_processes.TryGetValue(peer.Pid, out process))
        {
            // Both are alive and have one pid, so they are one.
            _ = Close(pidfd);
            return process;
        }

        try
        {
            process = new PeerProcess(new ProcessIdentity(peer.Pid, peer.Uid, Ownership.Status(pidfd).Inode), pidfd, peer.Number);
            Watch(process);
            return process;
        }
        catch (Exception fault) when (fault is IOException or OutOfMemoryException)
        {
            _ = Close(pidfd);
            error = NoMemory;
            return null;
        }
    }

    /// <summary>Forgets a process that holds no connection any more.</summary>
    public void Release(PeerProcess process)
    {
        _processes.Remove(process.Identity.Pid);
        if (--CollectionsMarshal.GetValueRefOrNullRef(_perUser, process.Identity.Uid) == 0)
        {
            _perUser.Remove(process.Identity.Uid);
        }

        loop.Forget(process.Pidfd);
        _ = Close(process.Pidfd);
    }

    public void Dispose()
    {
        foreach (var process in _processes.Values)
        {
            _ = Close(process.Pidfd);
        }

        _processes.Clear();
    }

    private void End(PeerProcess process)
    {
        Release(process);
        var (pid, uid, _) = process.Identity;
        Log.ProcessEnded(log, pid, uid, table.RemoveProcess(pid));
    }

    /// <summary>When it fails nothing has changed: what takes memory comes first.</summary>
    private void Watch(PeerProcess process)
    {
        _processes.EnsureCapacity(_processes.Count + 1);
        _perUser.EnsureCapacity(_perUser.Count + 1);
        loop.Add(process.Pidfd, Ready.Read, _ => End(process));
        _processes.Add(process.Identity.Pid, process);
        CollectionsMarshal.GetValueRefOrAddDefault(_perUser, process.Identity.Uid, out _)++;
    }

    private static bool IsPeerAlive(PeerSocket peer)
    {
        var pidfd = OpenPidfd(peer, out _);
        if (pidfd < 0)
        {
            return false;
        }

        var alive = !HasEnded(pidfd);
        _ = Close(pidfd);
        return alive;
    }

    private static int OpenPidfd(PeerSocket peer, out int error)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        var length = value.Length;
        if (GetSocketOption(peer.Descriptor, SocketLevel, PeerPidfd, value, ref length) == 0)
        {
            error = 0;
            return BinaryPrimitives.ReadInt32LittleEndian(value);
        }

        error = Marshal.GetLastPInvokeError();
        if (error != NoSuchOption)
        {
            // A peer that has been reaped is EINVAL or ESRCH, as the kernel's version goes.
            error = error is NoDescriptors or NoDescriptorsAtAll or NoMemory ? error : NoSuchProcess;
            return -1;
        }

        // Kernels before 6.5. Should the peer end and its pid go to another process between its connect() and this line, the
        // connection would count as that process's: there is no better answer on such a kernel.
        var pidfd = (int)SystemCall(PidfdOpen, peer.Pid, 0);
        error = pidfd < 0 ? Marshal.GetLastPInvokeError() : 0;
        return pidfd;
    }

    private static bool HasEnded(int pidfd)
    {
        var poll = new PollDescriptor { Descriptor = pidfd, Events = PollIn };
        return Poll(ref poll, 1, 0) > 0;
    }

    private static long ReadDescriptorLimit()
    {
        Span<long> limit = stackalloc long[2];
        return GetLimit(NumberOfFiles, limit) == 0 ? limit[0] : long.MaxValue;
    }

    /// <summary>ESRCH: the peer has ended.</summary>
    public const int NoSuchProcess = 3;

    /// <summary>No errno: the user has as many processes as one may.</summary>
    public const int TooManyProcesses = -1;

    private const int NoMemory = 12;
    private const int NoDescriptorsAtAll = 23;
    private const int NoDescriptors = 24;
    private const int NumberOfFiles = 7;

    // Of a pid that is a thread's by now, as the kernel's version goes.
    private const int NoSuchFile = 2;
    private const int InvalidArgument = 22;

    private const int SocketLevel = 1;
    private const int PeerPidfd = 77;
    private const int NoSuchOption = 92;
    private const int PidfdOpen = 434;
    private const short PollIn = 1;

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(int descriptor, int level, int option, Span<byte> value, ref int length);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, Span<long> limit);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint pid, nint flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
