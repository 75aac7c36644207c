using System.Runtime.InteropServices;

namespace MpibAgent.Slots;

/// <summary>Which users have connections in a slot, and how many: for the quota, which a slot counts in once, whoever else joins its flow.</summary>
internal sealed class SlotHolders
{
    private readonly Dictionary<ulong, int> _connections = [];

    /// <summary>Makes room for one more, so that <see cref="Add"/> takes no memory.</summary>
    public void Reserve() => _connections.EnsureCapacity(_connections.Count + 1);

    public void Add(int slot, uint uid) => CollectionsMarshal.GetValueRefOrAddDefault(_connections, Key(slot, uid), out _)++;

    /// <summary>Counts a connection out; true when it was the user's last in this slot.</summary>
    public bool RemoveLast(int slot, uint uid) => --CollectionsMarshal.GetValueRefOrNullRef(_connections, Key(slot, uid)) == 0 && _connections.Remove(Key(slot, uid));

    /// <summary>Somebody who has a connection in the slot. O(slots times their users), and only asked for when the one is gone whom it counted for.</summary>
    public bool TryAny(int slot, out uint uid)
    {
        foreach (var key in _connections.Keys)
        {
            if ((int)(key >> 32) == slot)
            {
                uid = (uint)key;
                return true;
            }
        }

        uid = 0;
        return false;
    }

    private static ulong Key(int slot, uint uid) => ((ulong)slot << 32) | uid;
}
