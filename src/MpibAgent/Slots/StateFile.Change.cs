using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <content>
/// The change that is under way. A hint and who set it lie in two files, and those of all slots in 256 places: no store changes them at once. So what is
/// going to be is written here first, and is taken away when it has been done: the agent after one that was killed in between does it.
/// </content>
internal sealed unsafe partial class StateFile
{
    /// <summary>Whether a change is under way, and which. Damaged it counts as none.</summary>
    public bool TryReadChange(out SlotChange change)
    {
        change = new SlotChange((ChangeKind)(byte)Header->ChangeState, (byte)(Header->ChangeState >> 8), Header->ChangeHint,
            (HintSource)(byte)(Header->ChangeState >> 16), Unpack(Header->ChangeFlow));
        return Header->ChangeCheck != 0 && Header->ChangeCheck == CheckChange() && Enum.IsDefined(change.Kind) && Enum.IsDefined(change.Source);
    }

    /// <summary>Says what is going to be stored. One that has been said before is done, or given up.</summary>
    public void BeginChange(in SlotChange change)
    {
        // No check, no change: the fields may be written one by one.
        EndChange();
        Volatile.Write(ref Header->ChangeFlow, Pack(change.Flow));
        Volatile.Write(ref Header->ChangeHint, change.Hint);
        Volatile.Write(ref Header->ChangeState, (uint)change.Kind | ((uint)change.Slot << 8) | ((uint)change.Source << 16));
        Volatile.Write(ref Header->ChangeCheck, CheckChange());
    }

    /// <summary>All of it is stored.</summary>
    public void EndChange() => Volatile.Write(ref Header->ChangeCheck, 0);

    /// <summary>Whether a connection has a slot; O(<see cref="Capacity"/>).</summary>
    public bool IsHeld(int slot)
    {
        var damaged = 0;
        for (var index = 0; index < Capacity; index++)
        {
            if (TryReadConnection(index, out _, out _, out var its, ref damaged) && its == slot)
            {
                return true;
            }
        }

        return false;
    }

    private uint CheckChange() => Check(Header->ChangeFlow, Header->ChangeState, Header->ChangeHint);
}

/// <summary>What is going to be stored of a slot, or of all of them.</summary>
/// <param name="Kind">What happens to it.</param>
/// <param name="Slot">Which; 0 where all are meant.</param>
/// <param name="Hint">The hint that it gets.</param>
/// <param name="Source">Who sets that.</param>
/// <param name="Flow">The flow that it gets, where it gets one.</param>
internal readonly record struct SlotChange(ChangeKind Kind, int Slot, uint Hint, HintSource Source, Flow Flow = default);

/// <summary>What a <see cref="SlotChange"/> does. The numbers are in the state file.</summary>
internal enum ChangeKind
{
    /// <summary>A slot gets a hint.</summary>
    SetHint = 1,

    /// <summary>A slot that one connection holds gets another flow with it.</summary>
    ChangeFlow = 2,

    /// <summary>A slot is given up by the last connection that holds it.</summary>
    Free = 3,

    /// <summary>All slots get a hint, which is the initial one from then on.</summary>
    SetAll = 4,

    /// <summary>All slots get the initial hint of the settings.</summary>
    UnpinAll = 5,

    /// <summary>The same, but for those that have a flow, which is left to the policy.</summary>
    UnpinAllKeepHints = 6,
}
