using System.Runtime.InteropServices;

namespace MpibAgent.Registration;

/// <content>How peers are let in, and how room is made for them.</content>
internal sealed partial class RegistrationListener
{
    // So many new peers a turn: those already here get theirs in between.
    private const int AcceptsPerTurn = 16;
    private static readonly TimeSpan PauseWithoutDescriptors = TimeSpan.FromMilliseconds(100);

    /// <summary>Lets some in and answers what they have sent; false when there was nobody.</summary>
    private bool Accept()
    {
        _acceptedBefore = _accepted;
        var first = _new.Count;
        for (var i = 0; i < AcceptsPerTurn && TryAccept(); i++)
        {
        }

        // All in first, then their requests, which are mostly there already: one look at a process then covers all its sockets of this turn.
        for (var i = first; i < _new.Count; i++)
        {
            var (peer, number) = _new[i];
            if (peer.Number == number && peer.Descriptor >= 0)
            {
                peer.HandleReady(Ready.Read);
            }
        }

        return _accepted > _acceptedBefore;
    }

    /// <summary>False when nobody is waiting, or nobody can be let in at the moment.</summary>
    private bool TryAccept()
    {
        if (_peers.Count >= _maxPeers && !CanMakeRoom)
        {
            // The others come in the next turn, when these have been heard.
            return false;
        }

        // Whoever is accepted is served: what that takes is there first, and so is the place to put it afterwards.
        _new.EnsureCapacity(_new.Count + 1);
        _peers.Reserve();
        if (_unused.Count == 0)
        {
            _unused.EnsureCapacity(_made + 1);
            _unused.Push(new PeerSocket(this, _registrar));
            _made++;
        }

        if (!_socket!.TryAccept(out var descriptor, out var error))
        {
            return error switch
            {
                TryAgain => false,
                Interrupted or ConnectionAborted => true,
                _ => MakeRoom(error),
            };
        }

        if (_peers.Count >= _maxPeers)
        {
            DropForRoom(NoError);
        }

        var peer = _unused.Pop();
        peer.Open(descriptor, ++_accepted, _socket.TakesDescriptors);
        peer.LastActive = _loop.Time.GetTimestamp();
        _peers.AddNewest(peer);
        if (!_idleTimer.IsArmed)
        {
            _idleTimer.Arm(_idleTimeout);
        }

        _processes.LastAccepted = _accepted;
        _new.Add((peer, _accepted));
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

    /// <summary>Out of descriptors or of kernel memory: a peer makes room, or all wait for a moment.</summary>
    private bool MakeRoom(int error)
    {
        // Out of descriptors, accept() says so also when nobody waits.
        if (!_socket!.IsAnybodyWaiting)
        {
            return false;
        }

        if (CanMakeRoom)
        {
            DropForRoom(error);
            return true;
        }

        if (_complaints.Admit())
        {
            Log.AcceptPaused(_log, WhyNoRoom(error));
        }

        _loop.Change(_socket.Descriptor, Ready.None);
        _pauseTimer.Arm(PauseWithoutDescriptors);
        return false;
    }

    /// <summary>One that came in this turn has had no time to be idle.</summary>
    private bool CanMakeRoom => _peers.ToMakeRoom is { } peer && peer.Number <= _acceptedBefore;

    private void DropForRoom(int error)
    {
        var peer = _peers.ToMakeRoom!;
        Drop(peer);
        if (_complaints.Admit())
        {
            Log.PeerDroppedForRoom(_log, peer.Pid, peer.Uid, WhyNoRoom(error));
        }
    }

    private string WhyNoRoom(int error)
    {
        try
        {
            return error switch
            {
                NoError when _maxPeers == _options.MaxPeers => $"{_maxPeers} sockets are open, the limit is MaxPeers={_options.MaxPeers}",
                NoError => $"{_maxPeers} sockets are open, a quarter of the {ProcessWatch.DescriptorLimit} descriptors; raise LimitNOFILE=",
                NoDescriptors => $"accept: {Marshal.GetPInvokeErrorMessage(error)} (raise LimitNOFILE=)",
                _ => $"accept: {Marshal.GetPInvokeErrorMessage(error)}",
            };
        }
        catch (OutOfMemoryException)
        {
            return "no memory";
        }
    }

    private const int NoError = 0;
    private const int NoDescriptors = 24;
    private const int Interrupted = 4;
    private const int TryAgain = 11;
    private const int ConnectionAborted = 103;
}
