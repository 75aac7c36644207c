using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <content>The hints: who sets them, who has pinned them, and what undoes that.</content>
internal sealed partial class SlotTable
{
    /// <summary>Sets the hint of one slot, whether or not it has a flow.</summary>
    public void SetHint(int slot, uint hint, HintSource source)
    {
        ChangeHint(slot, hint, source);
        Log.HintSet(log, slot, hint, source.Name(), options.Encoding.Share(hint) * 100);
        Changed?.Invoke();
    }

    /// <summary>Sets the hint of one slot by the policy: without a word, for it may do so hundreds of times a second.</summary>
    public void Steer(int slot, uint hint)
    {
        RecordSource(slot, HintSource.Policy);
        WriteHint(slot, hint, HintSource.Policy);
    }

    /// <summary>Undoes what the operator has set for one slot. Its hint goes back to the initial one, or stays for the policy to change.</summary>
    public void Unpin(int slot, bool keepHint)
    {
        if (keepHint)
        {
            RecordSource(slot, HintSource.Policy);
        }
        else
        {
            ChangeHint(slot, InitialHint, HintSource.Initial);
        }

        Log.SlotUnpinned(log, slot, region.Read(slot).SupBw);
        Changed?.Invoke();
    }

    /// <summary>Undoes all that the operator has set: the initial hint is that of the settings again. Hints of flows may stay for the policy to change.</summary>
    public void UnpinAll(bool keepHints)
    {
        IsInitialPinned = false;
        InitialHint = options.Initial;
        state.BeginChange(new SlotChange(keepHints ? ChangeKind.UnpinAllKeepHints : ChangeKind.UnpinAll, 0, InitialHint, HintSource.Initial));
        state.Initial = null;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            var keep = keepHints && !_free.Contains(slot);
            RecordSource(slot, keep ? HintSource.Policy : HintSource.Initial);
            if (!keep)
            {
                WriteHint(slot, InitialHint, HintSource.Initial);
            }
        }

        state.EndChange();
        Log.AllUnpinned(log, InitialHint);
        Changed?.Invoke();
    }

    /// <summary>Sets the hint of every slot, and from now on the initial hint.</summary>
    public void SetAll(uint hint, HintSource source)
    {
        IsInitialPinned = true;
        InitialHint = hint;
        state.BeginChange(new SlotChange(ChangeKind.SetAll, 0, hint, source));
        state.Initial = hint;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            RecordSource(slot, source);
            WriteHint(slot, hint, source);
        }

        state.EndChange();
        Log.AllHintsSet(log, hint, source.Name(), options.Encoding.Share(hint) * 100);
        Changed?.Invoke();
    }

    /// <summary>Whose the hint of a slot is that has gone back to the initial one: an operator's `all HINT` holds for slots to come.</summary>
    private HintSource Unset => IsInitialPinned ? HintSource.Operator : HintSource.Initial;

    private void ChangeHint(int slot, uint hint, HintSource source)
    {
        state.BeginChange(new SlotChange(ChangeKind.SetHint, slot, hint, source));
        RecordSource(slot, source);
        WriteHint(slot, hint, source);
        state.EndChange();
    }

    private void WriteHint(int slot, uint hint, HintSource source)
    {
        region.WriteHint(slot, hint);
        Counts.CountHint(source);
    }

    private void RecordSource(int slot, HintSource source)
    {
        if (_slots[slot].Source != source)
        {
            _slots[slot].Source = source;
            Record(slot);
        }
    }
}
