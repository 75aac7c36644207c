using System.Globalization;
using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <content>How the table comes to be what an earlier agent left.</content>
internal sealed partial class SlotTable
{
    /// <summary>Stores once more what an agent stored that was killed over it. Only state file and region, which are read after that.</summary>
    private void FinishChange()
    {
        if (!state.TryReadChange(out var change))
        {
            return;
        }

        if (change.Kind == ChangeKind.Free && state.IsHeld(change.Slot))
        {
            // Killed before the connection had gone: its slot stays.
            state.EndChange();
            return;
        }

        var isOfAll = change.Kind is ChangeKind.SetAll or ChangeKind.UnpinAll or ChangeKind.UnpinAllKeepHints;
        if (isOfAll)
        {
            state.Initial = change.Kind == ChangeKind.SetAll ? change.Hint : null;
        }

        var (first, last) = isOfAll ? (0, HintLayout.SlotCount - 1) : (change.Slot, change.Slot);
        for (var slot = first; slot <= last; slot++)
        {
            FinishChange(slot, change);
        }

        state.EndChange();
        Log.ChangeFinished(log, isOfAll ? "all slots" : string.Create(CultureInfo.InvariantCulture, $"slot {change.Slot}"));
    }

    private void FinishChange(int slot, in SlotChange change)
    {
        var isSound = state.TryReadSlot(slot, out var flow, out var hasFlow, out var isOrphan, out _) || state.IsBlankSlot(slot);
        var keepsHint = change.Kind == ChangeKind.UnpinAllKeepHints && (hasFlow || !isSound);
        if (change.Kind is ChangeKind.ChangeFlow or ChangeKind.Free)
        {
            state.WriteSlot(slot, change.Flow, hasFlow: change.Kind == ChangeKind.ChangeFlow, isOrphan: false, change.Source);
        }
        else if (isSound)
        {
            state.WriteSlot(slot, flow, hasFlow, isOrphan, keepsHint ? HintSource.Policy : change.Source);
        }

        if (!keepsHint)
        {
            region.WriteHint(slot, change.Hint);
        }
    }

    /// <summary>Slots and connections of the state file. A slot that no connection holds any more is cleared, as if its last one had just gone.</summary>
    private void RestoreState()
    {
        var before = state.Encoding ?? options.Encoding;
        var wasAllPinned = state.Initial is not null;
        IsInitialPinned = before == options.Encoding && state.Initial <= options.Encoding.MaxHint();
        InitialHint = IsInitialPinned ? state.Initial!.Value : options.Initial;
        var damaged = state.IsInitialDamaged ? 1 : 0;
        if (!IsInitialPinned)
        {
            // One beyond this encoding must not be in force again with the next.
            state.Initial = null;
        }

        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            damaged += RestoreSlot(slot) ? 0 : 1;
        }

        var damagedConnections = 0;
        for (var index = 0; index < state.Capacity; index++)
        {
            if (state.TryReadConnection(index, out var process, out var connId, out var slot, ref damagedConnections))
            {
                var fingerprint = state.FingerprintOf(index);
                if (!_free.Contains(slot) && _connections.TryRestore(index, process, connId, slot, fingerprint))
                {
                    Hold(slot, process.Uid, fingerprint);
                    _usage.Add(process.Uid, slots: 0, connections: 1);
                }
                else
                {
                    damagedConnections++;
                    state.ClearConnection(index);
                }
            }
        }

        var dropped = 0;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            if (before != options.Encoding && _slots[slot].Source == HintSource.Operator && _free.Contains(slot))
            {
                // Its number is another share now, and jobs to come would start with that. Who has a flow may have the plugin that still reads it as it was meant.
                _slots[slot].Source = HintSource.Initial;
                region.WriteHint(slot, InitialHint);
                dropped++;
            }

            Reconcile(slot, damagedConnections > 0);
        }

        var kept = before != options.Encoding ? _slots.Count(slot => slot.Source == HintSource.Operator) : 0;
        if (before != options.Encoding && (wasAllPinned || dropped + kept > 0))
        {
            Log.EncodingChanged(log, before.Name(), options.Encoding.Name(), dropped, wasAllPinned ? "with" : "without", kept);
        }

        damaged += damagedConnections;
        if (damaged > 0)
        {
            Log.StateDamaged(log, damaged, _orphans.Count);
        }

        Log.StateRestored(log, ConnectionCount, Processes.Count(), FlowCount);
        if (!region.Adopted && ConnectionCount > 0)
        {
            Log.RegionLost(log, Processes.Count(), ConnectionCount);
        }
    }

    /// <summary>False when the record is damaged, or never was written; then the region's own addresses tell the flow.</summary>
    private bool RestoreSlot(int slot)
    {
        var entry = region.Read(slot);
        var shown = new Flow(entry.Source, entry.Destination);
        var isSound = state.TryReadSlot(slot, out var flow, out var hasFlow, out var isOrphan, out var source);
        if (!isSound)
        {
            hasFlow = isOrphan = shown != default;
            (flow, source) = (shown, state.IsBlankSlot(slot) && !hasFlow ? HintSource.Initial : AdoptedSource(entry.SupBw));
        }

        _slots[slot].Source = source;
        if (!region.Adopted)
        {
            // It is new, and has forgotten what was set.
            _slots[slot].Source = Unset;
            region.WriteHint(slot, InitialHint);
        }

        if (hasFlow && _slotOfFlow.TryAdd(flow, slot))
        {
            _slots[slot].Flow = flow;
            _free.Remove(slot);
            if (isOrphan)
            {
                _orphans.Add(slot);
            }
        }

        return isSound || state.IsBlankSlot(slot);
    }

    /// <summary>Makes region and state say of a slot what the table says.</summary>
    private void Reconcile(int slot, bool connectionsAreLost)
    {
        var entry = region.Read(slot);
        var shown = new Flow(entry.Source, entry.Destination);
        var hasFlow = !_free.Contains(slot);
        if (hasFlow && connectionsAreLost && _slots[slot].Connections == 0 && shown == _slots[slot].Flow)
        {
            // Its job may be running: a damaged record must not give its slot to another.
            _orphans.Add(slot);
        }

        if (hasFlow && _slots[slot].Connections == 0 && !_orphans.Contains(slot))
        {
            // Killed before its first connection was there, when the region does not show it yet and the hint is the one set before; or after
            // its last one had gone.
            var (hint, source) = shown == default ? (entry.SupBw, _slots[slot].Source) : (InitialHint, Unset);
            _slotOfFlow.Remove(_slots[slot].Flow);
            _slots[slot] = new Slot { Source = source };
            _free.Add(slot);
            state.BeginChange(new SlotChange(ChangeKind.Free, slot, hint, source));
            Record(slot);
            region.WriteEntry(slot, default, default, hint);
            state.EndChange();
        }
        else if (hasFlow && shown != _slots[slot].Flow)
        {
            // Killed before the region showed the flow. A hint that nobody has set for it is the initial one: another is of the flow before.
            var hint = _slots[slot].Source == HintSource.Initial ? InitialHint : entry.SupBw;
            region.WriteEntry(slot, _slots[slot].Flow.Source, _slots[slot].Flow.Destination, hint);
        }
        else if (!hasFlow && shown != default)
        {
            region.WriteEntry(slot, default, default, InitialHint);
        }

        BringIntoRange(slot);
        if (_slots[slot] is { Source: HintSource.Initial, Connections: 0 } && _free.Contains(slot) && region.Read(slot).SupBw != InitialHint)
        {
            // The setting has changed.
            region.WriteHint(slot, InitialHint);
        }

        Record(slot);
    }

    /// <summary>The encoding may be another than that of the agent before.</summary>
    private void BringIntoRange(int slot)
    {
        var hint = region.Read(slot).SupBw;
        if (hint > options.Encoding.MaxHint())
        {
            Log.HintOutOfRange(log, slot, hint, options.Encoding.Name(), options.Encoding.MaxHint(), InitialHint);
            _slots[slot].Source = Unset;
            region.WriteHint(slot, InitialHint);
        }
    }

    /// <summary>Without a state file the flows that the region names keep their slots, and all slots their hints, for jobs that outlived whoever gave them.</summary>
    private void AdoptRegion()
    {
        var hints = 0;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            BringIntoRange(slot);
            var entry = region.Read(slot);
            var flow = new Flow(entry.Source, entry.Destination);
            if (flow != default && _slotOfFlow.TryAdd(flow, slot))
            {
                _slots[slot].Flow = flow;
                _free.Remove(slot);
                _orphans.Add(slot);
            }
            else if (flow != default)
            {
                // Two slots of one flow are the work of no agent; readers of either go on reading what they read.
                region.WriteEntry(slot, default, default, entry.SupBw);
            }

            _slots[slot].Source = AdoptedSource(entry.SupBw);
            hints += _slots[slot].Source == HintSource.Adopted ? 1 : 0;
            if (!_free.Contains(slot) || _slots[slot].Source != HintSource.Initial)
            {
                Record(slot);
            }
        }

        if (_orphans.Count > 0 || hints > 0)
        {
            Start = TableStart.TakenOver;
            Log.RegionTakenOver(log, _orphans.Count, hints);
        }
    }

    private HintSource AdoptedSource(uint hint) => hint == InitialHint ? HintSource.Initial : HintSource.Adopted;
}
