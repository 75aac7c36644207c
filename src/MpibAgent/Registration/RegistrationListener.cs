using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Logging;
using MpibAgent.Systemd;

namespace MpibAgent.Registration;

/// <summary>
/// The registration socket and the sockets accepted from it. Owns both; everything happens on the loop's thread. The number of peers is bounded,
/// and so is the time that one may be idle.
/// </summary>
internal sealed partial class RegistrationListener : IHostedService, IDisposable
{
    // So many new peers a turn: those already here get theirs in between.
    private const int AcceptsPerTurn = 16;
    private const int Backlog = 4096;
    private static readonly TimeSpan DrainLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PauseWithoutDescriptors = TimeSpan.FromMilliseconds(100);

    private readonly RegistrationOptions _options;
    private readonly EventLoop _loop;
    private readonly Registrar _registrar;
    private readonly InheritedDescriptors _inherited;
    private readonly ILogger<RegistrationListener> _log;
    private readonly Complaints _complaints;
    private readonly LoopTimer _idleTimer;
    private readonly LoopTimer _drainTimer;
    private readonly LoopTimer _pauseTimer;
    private readonly Stack<PeerSocket> _unused = new();
    private readonly int _maxPeers;
    private readonly TimeSpan _idleTimeout;
    private readonly PeerList _peers = new();
    private List<(PeerSocket Peer, long Number)> _new = [];
    private List<(PeerSocket Peer, long Number)> _recent = [];
    private TaskCompletionSource? _drained;
    private long _accepted;
    private long _acceptedBefore;
    private int _listening = -1;
    private ulong? _ownInode;

    public RegistrationListener(RegistrationOptions options, EventLoop loop, Registrar registrar, InheritedDescriptors inherited,
        ILogger<RegistrationListener> log)
    {
        _options = options;
        _loop = loop;
        _registrar = registrar;
        _inherited = inherited;
        _log = log;

        // Where descriptors are few the sockets of silent peers must leave some for the processes that register.
        _maxPeers = (int)Math.Min(options.MaxPeers, Math.Max(1, ProcessWatch.DescriptorLimit / 4));
        _idleTimeout = TimeSpan.FromSeconds(options.IdleTimeoutSec);
        _complaints = new Complaints(loop, left => Log.ComplaintsLeftOut(log, left));
        _idleTimer = loop.CreateTimer(DropIdle);
        _drainTimer = loop.CreateTimer(EndDrain);
        _pauseTimer = loop.CreateTimer(() => _loop.Change(_listening, Ready.Read));
    }

    /// <summary>Whether the agent is stopping: a peer that has its answer is closed.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Open sockets of peers.</summary>
    public int PeerCount => _peers.Count;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_inherited.TryTake("registration", UnixFileType.Socket, out _listening))
        {
            if (Option(SocketDomain) != UnixFamily || Option(SocketTypeOption) != StreamType || Option(IsListening) != 1)
            {
                throw new Fault("the descriptor named registration is no listening Unix stream socket; set ListenStream= to a path in its socket unit");
            }

            Log.RegistrationInherited(_log, _options.Path, _listening);
        }
        else
        {
            Bind();
            Log.RegistrationListening(_log, _options.Path, _options.Mode, _options.MaxPeers, _options.IdleTimeoutSec);
        }

        return _loop.InvokeAsync(() =>
        {
            _loop.TurnEnded = LookAgain;
            _loop.Add(_listening, Ready.Read, _ => Accept());
        });
    }

    /// <summary>Takes no more peers, answers those that are here, and ends when they are gone or the limit is over.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        if (_listening < 0)
        {
            return Task.CompletedTask;
        }

        IsDraining = true;
        StopListening();
        if (!_loop.IsRunning)
        {
            // It ended on a bug: nobody would tell us when a peer is ready.
            _peers.Snapshot().ForEach(Drop);
            return Task.CompletedTask;
        }

        foreach (var peer in _peers.Snapshot())
        {
            // What it has sent is answered now; only one that still owes its request is waited for.
            peer.HandleReady(Ready.Read);
            if (peer.Descriptor >= 0 && peer.IsDone)
            {
                Drop(peer);
            }
        }

        if (_peers.Count == 0)
        {
            return Task.CompletedTask;
        }

        _drainTimer.Arm(DrainLimit);
        _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _drained.Task;
    });

    public void Dispose()
    {
        if (_listening >= 0)
        {
            _ = Close(_listening);
            _listening = -1;
        }
    }

    /// <summary>Marks a peer as active now.</summary>
    public void Touch(PeerSocket peer)
    {
        peer.LastActive = _loop.Time.GetTimestamp();
        _peers.MoveToNewest(peer);
    }

    /// <summary>Has the loop call the peer for this alone.</summary>
    public void WaitFor(PeerSocket peer, Ready interest)
    {
        if (peer.Interest == Ready.None)
        {
            try
            {
                _loop.Add(peer.Descriptor, interest, peer.OnReady);
            }
            catch (IOException fault)
            {
                if (_complaints.Admit())
                {
                    Log.PeerDroppedForRoom(_log, peer.Pid, peer.Uid, fault.Message);
                }

                Drop(peer);
                return;
            }
        }
        else if (peer.Interest != interest)
        {
            _loop.Change(peer.Descriptor, interest);
        }

        peer.Interest = interest;
    }

    /// <summary>Closes a peer's socket. Its registrations stay.</summary>
    public void Drop(PeerSocket peer)
    {
        if (peer.Descriptor < 0)
        {
            return;
        }

        _peers.Remove(peer);
        if (peer.Interest != Ready.None)
        {
            _loop.Forget(peer.Descriptor);
        }

        peer.Close();
        _unused.Push(peer);
        if (_peers.Count == 0)
        {
            _idleTimer.Disarm();
            EndDrain();
        }
    }

    private void Accept()
    {
        _acceptedBefore = _accepted;
        for (var i = 0; i < AcceptsPerTurn && TryAccept(); i++)
        {
        }
    }

    /// <summary>False when nobody is waiting, or nobody can be let in at the moment.</summary>
    private bool TryAccept()
    {
        var descriptor = AcceptSocket(_listening, 0, 0, NonBlocking | CloseOnExec);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error switch
            {
                TryAgain => false,
                Interrupted or ConnectionAborted => true,
                _ => MakeRoom(error),
            };
        }

        if (_peers.Count >= _maxPeers)
        {
            DropOldest(_maxPeers == _options.MaxPeers
                ? $"{_peers.Count} sockets are open, the limit is MaxPeers={_options.MaxPeers}"
                : $"{_peers.Count} sockets are open, a quarter of the {ProcessWatch.DescriptorLimit} descriptors; raise LimitNOFILE=");
        }

        var peer = _unused.TryPop(out var unused) ? unused : new PeerSocket(this, _registrar);
        peer.Open(descriptor, ++_accepted);
        peer.LastActive = _loop.Time.GetTimestamp();
        _peers.AddNewest(peer);
        if (!_idleTimer.IsArmed)
        {
            _idleTimer.Arm(_idleTimeout);
        }

        // Its request is mostly there already.
        peer.HandleReady(Ready.Read);
        if (peer.Descriptor >= 0)
        {
            _new.Add((peer, _accepted));
        }

        return true;
    }

    /// <summary>
    /// Whoever came in the turn before is looked at once more: the plugin sends one request and closes, so mostly the end is there to read. Only
    /// a peer that stays gets a place in the epoll, which costs more than the look.
    /// </summary>
    private bool LookAgain()
    {
        foreach (var (peer, number) in _recent)
        {
            if (peer.Number == number && peer is { Descriptor: >= 0, Interest: Ready.None })
            {
                peer.HandleReady(Ready.Read);
                if (peer is { Descriptor: >= 0, Interest: Ready.None })
                {
                    WaitFor(peer, Ready.Read);
                }
            }
        }

        _recent.Clear();
        (_recent, _new) = (_new, _recent);
        return _recent.Count > 0;
    }

    /// <summary>Out of descriptors or of kernel memory: the peer that is idle longest makes room, or all wait for a moment.</summary>
    private bool MakeRoom(int error)
    {
        // Out of descriptors, accept() says so also when nobody waits.
        if (!IsAnybodyWaiting())
        {
            return false;
        }

        var reason = $"accept: {Marshal.GetPInvokeErrorMessage(error)}" + (error == NoDescriptors ? " (raise LimitNOFILE=)" : "");

        // One that came in this turn has had no time to be idle.
        if (_peers.Oldest is { } oldest && oldest.Number <= _acceptedBefore)
        {
            DropOldest(reason);
            return true;
        }

        if (_complaints.Admit())
        {
            Log.AcceptPaused(_log, reason);
        }

        _loop.Change(_listening, Ready.None);
        _pauseTimer.Arm(PauseWithoutDescriptors);
        return false;
    }

    private void DropOldest(string reason)
    {
        var oldest = _peers.Oldest!;
        if (_complaints.Admit())
        {
            Log.PeerDroppedForRoom(_log, oldest.Pid, oldest.Uid, reason);
        }

        Drop(oldest);
    }

    private void DropIdle()
    {
        while (_peers.Oldest is { } oldest)
        {
            var idle = _loop.Time.GetElapsedTime(oldest.LastActive);
            if (idle < _idleTimeout)
            {
                _idleTimer.Arm(_idleTimeout - idle);
                return;
            }

            Log.PeerIdle(_log, oldest.Pid, oldest.Uid, _options.IdleTimeoutSec);
            Drop(oldest);
        }
    }

    private void EndDrain()
    {
        if (_drained is { } drained)
        {
            _drainTimer.Disarm();
            _drained = null;
            drained.SetResult();
        }
    }

    /// <summary>
    /// Our own socket loses its name, then those that had connected by then are let in. systemd's socket stays as it is: who waits
    /// there is served by the next agent.
    /// </summary>
    private void StopListening()
    {
        _pauseTimer.Disarm();
        if (_ownInode is { } inode)
        {
            if (Ownership.Status(_options.Path) is { } status && status.Inode == inode)
            {
                File.Delete(_options.Path);
            }

            for (var i = 0; i < Backlog && TryAccept(); i++)
            {
            }

            _pauseTimer.Disarm();
        }

        _loop.ForgetShared(_listening);
        _ = Close(_listening);
        _listening = -1;
    }

    private void Bind()
    {
        var path = _options.Path;
        Ownership.PrepareDirectory(System.IO.Path.GetDirectoryName(path)!);
        RemoveStaleSocket(path);

        // struct sockaddr_un: the family, then the path and a zero; the length was checked with the settings.
        var name = Encoding.UTF8.GetBytes(path);
        Span<byte> address = stackalloc byte[110];
        address.Clear();
        address[0] = UnixFamily;
        name.CopyTo(address[2..]);

        // By the umask and not by chmod, which would follow a link put in its place. Nobody else makes files at this time.
        _listening = CreateSocket(UnixFamily, StreamType | NonBlocking | CloseOnExec, 0);
        var umask = SetUmask(0x1FF & ~(uint)Ownership.ParseMode(_options.Mode));
        var bound = BindSocket(_listening, address, name.Length + 3);
        var error = Marshal.GetLastPInvokeError();
        _ = SetUmask(umask);
        if (bound != 0)
        {
            throw new Fault($"cannot bind {path}: {Marshal.GetPInvokeErrorMessage(error)}; {Ownership.WhatToRun}");
        }

        Ownership.GiveToServiceUser(path);
        _ownInode = Ownership.Status(path)?.Inode;
        if (Listen(_listening, Backlog) != 0)
        {
            throw new Fault($"cannot listen at {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>A socket of an agent that died is removed; one that is listened to is somebody's, and a fault.</summary>
    private static void RemoveStaleSocket(string path)
    {
        if (Ownership.Status(path) is not { } found)
        {
            return;
        }

        Ownership.CheckFile(path, found, UnixFileType.Socket);
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException refused) when (refused.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException)
        {
            // A full backlog has a listener as well.
        }

        throw new Fault($"{path}: somebody is listening there already; run: ss -xlp src {path}. "
            + "Where it is systemd, on behalf of the service: systemctl stop mpib-agent.socket mpib-control.socket mpib-agent.service");
    }

    private bool IsAnybodyWaiting()
    {
        var poll = new PollDescriptor { Descriptor = _listening, Events = PollIn };
        return Poll(ref poll, 1, 0) > 0;
    }

    private int Option(int option)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        var length = value.Length;
        return GetSocketOption(_listening, SocketLevel, option, value, ref length) == 0 ? MemoryMarshal.Read<int>(value) : -1;
    }

    private const int SocketLevel = 1;
    private const int SocketTypeOption = 3;
    private const int IsListening = 30;
    private const int SocketDomain = 39;
    private const int NoDescriptors = 24;
    private const short PollIn = 1;
    private const byte UnixFamily = 1;
    private const int StreamType = 1;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int Interrupted = 4;
    private const int TryAgain = 11;
    private const int ConnectionAborted = 103;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int BindSocket(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetUmask(uint mask);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(int descriptor, int level, int option, Span<byte> value, ref int length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int descriptor, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int AcceptSocket(int descriptor, nint address, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
