using System.Runtime.InteropServices;

namespace MpibAgent.Registration;

/// <summary>The open sockets, oldest activity first: an intrusive doubly linked list, so every step is O(1) and allocates nothing. Counts each user's.</summary>
internal sealed class PeerList
{
    private readonly Dictionary<uint, int> _byUid = [];
    private PeerSocket? _newest;

    /// <summary>The one that has been idle longest.</summary>
    public PeerSocket? Oldest { get; private set; }

    public int Count { get; private set; }

    /// <summary>
    /// Who is to make room for others: of the users with most sockets the one whose socket has been idle longest. So who floods closes sockets of his own,
    /// and a request of another user that takes its time is answered. O(users) as a rule, at worst O(<see cref="Count"/>).
    /// </summary>
    public PeerSocket? ToMakeRoom
    {
        get
        {
            var most = 0;
            foreach (var count in _byUid.Values)
            {
                most = Math.Max(most, count);
            }

            var peer = Oldest;
            while (peer is not null && _byUid[peer.Uid] < most)
            {
                peer = peer.Newer;
            }

            return peer;
        }
    }

    /// <summary>Makes room for one more user, so that <see cref="AddNewest"/> takes no memory.</summary>
    public void Reserve() => _byUid.EnsureCapacity(_byUid.Count + 1);

    public void AddNewest(PeerSocket peer)
    {
        CollectionsMarshal.GetValueRefOrAddDefault(_byUid, peer.Uid, out _)++;
        Link(peer);
        Count++;
    }

    public void Remove(PeerSocket peer)
    {
        if (--CollectionsMarshal.GetValueRefOrNullRef(_byUid, peer.Uid) == 0)
        {
            _byUid.Remove(peer.Uid);
        }

        Unlink(peer);
        Count--;
    }

    public void MoveToNewest(PeerSocket peer)
    {
        if (!ReferenceEquals(peer, _newest))
        {
            Unlink(peer);
            Link(peer);
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

    private void Link(PeerSocket peer)
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
    }

    private void Unlink(PeerSocket peer)
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
    }
}
