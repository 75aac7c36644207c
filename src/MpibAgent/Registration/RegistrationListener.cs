using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Interface;
using MpibAgent.Logging;
using MpibAgent.Systemd;

namespace MpibAgent.Registration;

/// <summary>
/// The registration socket and the sockets accepted from it. Owns both; everything happens on the loop's thread. The number of peers is bounded,
/// and so is the time that one may be idle.
/// </summary>
internal sealed partial class RegistrationListener : IHostedService, IDisposable
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromMilliseconds(500);

    private readonly RegistrationOptions _options;
    private readonly EventLoop _loop;
    private readonly Registrar _registrar;
    private readonly ProcessWatch _processes;
    private readonly InheritedDescriptors _inherited;
    private readonly ILogger<RegistrationListener> _log;
    private readonly Complaints _complaints;
    private readonly LoopTimer _idleTimer;
    private readonly LoopTimer _drainTimer;
    private readonly LoopTimer _pauseTimer;
    private readonly Stack<PeerSocket> _unused = new();
    private int _made;
    private readonly int _maxPeers;
    private readonly TimeSpan _idleTimeout;
    private readonly PeerList _peers = new();
    private readonly SentDescriptors _sentDescriptors = new();
    private List<(PeerSocket Peer, long Number)> _new = [];
    private List<(PeerSocket Peer, long Number)> _recent = [];
    private TaskCompletionSource? _drained;
    private long _accepted;
    private long _acceptedBefore;
    private ListeningSocket? _socket;

    public RegistrationListener(RegistrationOptions options, EventLoop loop, Registrar registrar, ProcessWatch processes, InheritedDescriptors inherited,
        ILogger<RegistrationListener> log)
    {
        _options = options;
        _loop = loop;
        _registrar = registrar;
        _processes = processes;
        _inherited = inherited;
        _log = log;

        // Where descriptors are few the sockets of silent peers must leave some for the processes that register.
        _maxPeers = (int)Math.Min(options.MaxPeers, Math.Max(1, ProcessWatch.DescriptorLimit / 4));
        _idleTimeout = TimeSpan.FromSeconds(options.IdleTimeoutSec);
        _complaints = new Complaints(loop, log);
        _idleTimer = loop.CreateTimer(DropIdle);
        _drainTimer = loop.CreateTimer(EndDrain);
        _pauseTimer = loop.CreateTimer(() => _loop.Change(_socket!.Descriptor, Ready.Read));
    }

    /// <summary>Whether the agent is stopping: a peer that has its answer is closed.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Open sockets of peers.</summary>
    public int PeerCount => _peers.Count;

    /// <summary>Takes how long registrations took; null when there is nobody to tell.</summary>
    public Histogram<double>? AnswerTime { get; set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _socket = ListeningSocket.TryInherit(_inherited) ?? ListeningSocket.Bind(_options);
        if (_socket.IsInherited)
        {
            var path = _socket.BoundTo;
            Log.RegistrationInherited(_log, path, _socket.Descriptor);
            if (_options.Path != Protocol.DefaultPath && _options.Path != path)
            {
                Log.RegistrationSettingNotUsed(_log, "Path", _options.Path, path);
            }

            if (_options.Mode != RegistrationOptions.DefaultMode && FileStatus.Of(path)?.Mode != Ownership.ParseMode(_options.Mode))
            {
                // Who closes it to some users has to know that it is open.
                Log.RegistrationSettingNotUsed(_log, "Mode", _options.Mode, path);
            }
        }
        else
        {
            Log.RegistrationListening(_log, _options.Path, _options.Mode, _options.MaxPeers, _options.IdleTimeoutSec);
        }

        return _loop.InvokeAsync(() =>
        {
            _loop.TurnEnded = LookAgain;
            _loop.Add(_socket.Descriptor, Ready.Read, ready => Accept());
        });
    }

    /// <summary>Takes no more peers, answers those that are here, and ends when they are gone or the limit is over.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        if (_socket is not { IsOpen: true })
        {
            return Task.CompletedTask;
        }

        IsDraining = true;
        StopListening(_socket);
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
        return _drained.Task.WaitAsync(cancellationToken);
    });

    public void Dispose()
    {
        _socket?.Dispose();
    }

    /// <summary>Responses to registrations have gone out, which were there to be read when the turn began.</summary>
    public void RecordAnswers(int count)
    {
        if (AnswerTime is { Enabled: true } time)
        {
            var seconds = _loop.Time.GetElapsedTime(_loop.TurnBegan).TotalSeconds;
            for (var i = 0; i < count; i++)
            {
                time.Record(seconds);
            }
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
            catch (Exception fault) when (fault is IOException or OutOfMemoryException)
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
        if (peer.Interest != Ready.None && peer.MayBringDescriptors)
        {
            // It may be closed much later, elsewhere.
            _loop.ForgetShared(peer.Descriptor);
        }
        else if (peer.Interest != Ready.None)
        {
            _loop.Forget(peer.Descriptor);
        }

        peer.Close(_sentDescriptors);
        _unused.Push(peer);
        if (_peers.Count == 0)
        {
            _idleTimer.Disarm();
            EndDrain();
        }
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

            // Where it was the agent that stood still, a request may be waiting.
            var active = oldest.LastActive;
            oldest.HandleReady(Ready.Read);
            if (oldest.Descriptor < 0 || oldest.LastActive != active)
            {
                continue;
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
    private void StopListening(ListeningSocket socket)
    {
        _pauseTimer.Disarm();
        if (!socket.IsInherited)
        {
            socket.RemoveName();
            for (var last = _accepted + ListeningSocket.Backlog; _accepted < last && Accept();)
            {
            }

            _pauseTimer.Disarm();
        }

        _loop.ForgetShared(socket.Descriptor);
        socket.Dispose();
    }
}
