namespace MpibAgent.Registration;

/// <summary>The open sockets, oldest activity first: an intrusive doubly linked list, so every step is O(1) and allocates nothing.</summary>
internal sealed class PeerList
{
    private PeerSocket? _newest;

    /// <summary>The one that has been idle longest.</summary>
    public PeerSocket? Oldest { get; private set; }

    public int Count { get; private set; }

    public void AddNewest(PeerSocket peer)
    {
        peer.Older = _newest;
        peer.Newer = null;
        if (_newest is null)
        {
            Oldest = peer;
        }
        else
        {
            _newest.Newer = peer;
        }

        _newest = peer;
        Count++;
    }

    public void Remove(PeerSocket peer)
    {
        if (peer.Older is null)
        {
            Oldest = peer.Newer;
        }
        else
        {
            peer.Older.Newer = peer.Newer;
        }

        if (peer.Newer is null)
        {
            _newest = peer.Older;
        }
        else
        {
            peer.Newer.Older = peer.Older;
        }

        peer.Older = peer.Newer = null;
        Count--;
    }

    public void MoveToNewest(PeerSocket peer)
    {
        if (!ReferenceEquals(peer, _newest))
        {
            Remove(peer);
            AddNewest(peer);
        }
    }

    /// <summary>The peers as they are now, for a walk that closes some of them.</summary>
    public List<PeerSocket> Snapshot()
    {
        var peers = new List<PeerSocket>(Count);
        for (var peer = Oldest; peer is not null; peer = peer.Newer)
        {
            peers.Add(peer);
        }

        return peers;
    }
}
