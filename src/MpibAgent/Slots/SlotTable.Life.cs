namespace MpibAgent.Slots;

/// <content>How a slot comes to a flow, who holds it, and how it comes free.</content>
internal sealed partial class SlotTable
{
    /// <summary>Whether a connection alone holds a slot, so that this can be another flow's, and is to be the slot of one flow.</summary>
    private bool CanTakeSlotAlong(int connection, Flow flow) =>
        _connections.SlotOf(connection) is var slot && _slots[slot].Connections == 1 && !IsShared(slot) && flow != Flow.Shared;

    private int TakeSlot()
    {
        if (_free.TryLowest(out var slot))
        {
            _free.Remove(slot);
            return slot;
        }

        OrphansToGive.TryLowest(out slot);
        TakeOrphan(slot);
        return slot;
    }

    private void TakeOrphan(int slot)
    {
        _orphans.Remove(slot);
        BeginFree(slot);
        ClearSlot(slot);
    }

    /// <summary>The new slot takes it before the old one lets it go: between two flows that share, they are the same slot.</summary>
    private void Move(int connection, ProcessIdentity process, uint connId, Flow flow, int slot)
    {
        var (left, before) = (_connections.SlotOf(connection), _connections.FingerprintOf(connection));
        RecordFingerprint(connection, flow, slot);
        if (left != slot && _slots[left].Connections == 1)
        {
            BeginFree(left);
        }

        _connections.Move(connection, slot, flow.Fingerprint);
        state.CommitConnection(connection, process, connId, slot);
        Hold(slot, process.Uid, flow.Fingerprint);
        Leave(left, process.Uid, before);
    }

    private int Drop(int connection)
    {
        var (slot, uid) = (_connections.SlotOf(connection), _connections.ProcessOf(connection).Uid);
        _usage.Add(uid, slots: 0, connections: -1);
        if (_slots[slot].Connections == 1)
        {
            BeginFree(slot);
        }

        state.ClearConnection(connection);
        var fingerprint = _connections.FingerprintOf(connection);
        _connections.Remove(connection);
        Leave(slot, uid, fingerprint);
        return slot;
    }

    /// <summary>Counts a connection in. The first one's user answers for the slot as long as he has one in it, and nobody for one that flows share.</summary>
    private void Hold(int slot, uint uid, uint fingerprint)
    {
        if (IsShared(slot))
        {
            CountSharing(fingerprint, 1);
        }
        else
        {
            _holders.Add(slot, uid);
            if (_slots[slot].Owner is null)
            {
                Charge(slot, uid);
            }
        }

        _slots[slot].Connections++;
        if (_orphans.Contains(slot))
        {
            // In the record as well: with its last connection it is free, also for the next agent.
            _orphans.Remove(slot);
            Record(slot);
        }
    }

    /// <summary>With its last connection a flow loses its slot, and the slot its hint.</summary>
    private void Leave(int slot, uint uid, uint fingerprint)
    {
        if (IsShared(slot))
        {
            CountSharing(fingerprint, -1);
        }
        else if (_holders.RemoveLast(slot, uid) && _slots[slot].Owner == uid && _slots[slot].Connections > 1 && _holders.TryAny(slot, out var other))
        {
            // Who is gone cannot be kept out by a slot that others hold, nor can these hold more than their own for long.
            Charge(slot, other);
        }

        if (--_slots[slot].Connections == 0)
        {
            ClearSlot(slot);
            _free.Add(slot);
        }
    }

    /// <summary>Has a slot count for one user in place of another.</summary>
    private void Charge(int slot, uint uid)
    {
        if (_slots[slot].Owner is { } before)
        {
            _usage.Add(before, slots: -1, connections: 0);
        }

        _slots[slot].Owner = uid;
        _usage.Add(uid, slots: 1, connections: 0);
    }

    /// <summary>Before the last connection goes: from then on the next agent knows that the slot had a flow, also one whose addresses are those of none.</summary>
    private void BeginFree(int slot) => state.BeginChange(new SlotChange(ChangeKind.Free, slot, InitialHint, Unset));

    private void ClearSlot(int slot)
    {
        ForgetFlow(slot);
        state.WriteSlot(slot, default, hasFlow: false, isOrphan: false, Unset);
        region.WriteEntry(slot, default, default, InitialHint);
        state.EndChange();
        Counts.CountHint(HintSource.Initial);
    }

    private void ForgetFlow(int slot)
    {
        var flow = _slots[slot].Flow;
        if (_slots[slot].Owner is { } owner)
        {
            _usage.Add(owner, slots: -1, connections: 0);
        }

        _slotOfFlow.Remove(flow);
        _slots[slot] = new Slot { Connections = _slots[slot].Connections, Source = Unset };
        Log.SlotFreed(log, slot, flow.Source, flow.Destination, InitialHint);
    }

    private void RecordFlow(int slot, Flow flow, HintSource source)
    {
        _slots[slot].Flow = flow;
        _slots[slot].Source = source;
        _slotOfFlow.Add(flow, slot);
        state.WriteSlot(slot, flow, hasFlow: true, isOrphan: false, source);
    }

    private void ShowFlow(int slot, uint hint)
    {
        var flow = _slots[slot].Flow;
        region.WriteEntry(slot, flow.Source, flow.Destination, hint);
        Log.SlotGiven(log, slot, flow.Source, flow.Destination, hint);
    }

    private void Record(int slot) =>
        state.WriteSlot(slot, _slots[slot].Flow, !_free.Contains(slot), _orphans.Contains(slot), _slots[slot].Source);
}
