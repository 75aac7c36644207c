using System.Runtime.InteropServices;

namespace MpibAgent.Slots;

/// <content>
/// The slot that flows share for which there is none of their own, with [Limits] Overflow = share: because all others are taken, or because their user has
/// as many as one may.
/// </content>
/// <remarks>
/// It is the slot of the flow <see cref="Flow.Shared"/>, and a slot like any other: its hint, its end with its last connection, region, state file, restarts and
/// other versions know nothing special about it. Special is what stands here. The slot that would be given away last is kept for it, and with that one no
/// flow is ever refused; it counts for no user's quota, so nobody pays for the others in it. A flow that is in it stays until its last connection has
/// gone, also when slots come free, for all connections of a flow have one slot.
/// Which flow a connection has is known by a fingerprint, for which its record has room. Two flows with the same one count as one, and the second shares
/// though there may be a slot for it: one pair in four billion, and none that differs in one address alone.
/// </remarks>
internal sealed partial class SlotTable
{
    /// <summary>How many connections each flow has in the slot that flows share, by its fingerprint.</summary>
    private readonly Dictionary<uint, int> _sharing = [];

    /// <summary>Flows that have a slot, or share one. Those of a shared slot of which no connection is known count as one.</summary>
    public int FlowCount => UsedSlots + (SharedSlot >= 0 ? Math.Max(1, _sharing.Count) - 1 : 0);

    /// <summary>Flows that share a slot.</summary>
    public int SharingFlows => _sharing.Count;

    /// <summary>Whether it is the slot that flows share.</summary>
    public bool IsShared(int slot) => _slots[slot].Flow == Flow.Shared;

    /// <summary>Whether one more flow can have a slot for itself, if its user may.</summary>
    public bool HasSlotToGive => _free.Count + OrphansToGive.Count > (Shares && SharedSlot < 0 ? 1 : 0);

    private bool Shares => limits.Overflow == Overflow.Share;

    private int SharedSlot => _slotOfFlow.GetValueOrDefault(Flow.Shared, -1);

    /// <summary>The orphans but for the slot that flows have shared and are to share again.</summary>
    private SlotSet OrphansToGive
    {
        get
        {
            var orphans = _orphans;
            if (Shares && SharedSlot is >= 0 and var shared)
            {
                orphans.Remove(shared);
            }

            return orphans;
        }
    }

    /// <summary>Whether a connection has this flow.</summary>
    private bool HasFlow(int connection, Flow flow) => _connections.SlotOf(connection) is var slot
        && (IsShared(slot) ? _connections.FingerprintOf(connection) == flow.Fingerprint : _slots[slot].Flow == flow);

    /// <summary>The slot that the flow's connections have.</summary>
    private bool TryFindSlot(Flow flow, out int slot)
    {
        if (_slotOfFlow.TryGetValue(flow, out slot))
        {
            return true;
        }

        slot = SharedSlot;
        return slot >= 0 && _sharing.ContainsKey(flow.Fingerprint);
    }

    /// <summary>The slot to share, which is taken for it where there is none yet: of the free ones, or else of the orphans, the one that would be given away last.</summary>
    private bool TryShare(out int slot)
    {
        slot = SharedSlot;
        if (!Shares || slot >= 0)
        {
            return Shares;
        }

        if (_free.TryHighest(out slot))
        {
            _free.Remove(slot);
        }
        else if (_orphans.TryHighest(out slot))
        {
            TakeOrphan(slot);
        }
        else
        {
            // All slots were given away before the setting was changed.
            return false;
        }

        RecordFlow(slot, Flow.Shared, _slots[slot].Source);
        return true;
    }

    /// <summary>So that <see cref="CountSharing"/> takes no memory.</summary>
    private void ReserveSharing() => _sharing.EnsureCapacity(_sharing.Count + 1);

    private void CountSharing(uint fingerprint, int change)
    {
        ref var connections = ref CollectionsMarshal.GetValueRefOrAddDefault(_sharing, fingerprint, out _);
        connections += change;
        if (connections == 0)
        {
            _sharing.Remove(fingerprint);
        }
    }

    private void RecordFingerprint(int connection, Flow flow, int slot)
    {
        if (IsShared(slot))
        {
            state.WriteFingerprint(connection, flow.Fingerprint);
        }
    }
}
