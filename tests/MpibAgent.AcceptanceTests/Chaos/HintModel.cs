namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// Which hints the region may show, by the commands that were written to the FIFO. A command says nothing when it is carried out, so one that has not
/// been seen to act may count or not. Commands come from one task; looks are taken while there is none.
/// </summary>
internal sealed class HintModel
{
    /// <summary>Its hint is for tests alone: none of its slot's flows.</summary>
    public const int MarkerSlot = RegionFile.Slots - 1;

    private const int HintedSlots = 24;

    private readonly List<uint>[] _set = [.. Enumerable.Range(0, RegionFile.Slots).Select(_ => new List<uint>())];
    private readonly uint[] _last = [.. Enumerable.Repeat(1u, RegionFile.Slots)];
    private SlotBytes[]? _before;
    private HashSet<uint> _initial = [1];
    private uint _number = 1;

    /// <summary>The highest hint that was ever set.</summary>
    public uint Highest => _number;

    /// <summary>The next command, its line and its hint, which tells the slot as chaos_client.c reckons; slot null for all.</summary>
    public (string Line, int? Slot, uint Hint) Next()
    {
        _number++;
        return _number % 16 == 0 ? ($"all {_number}", null, _number) : ($"{SlotOf(_number)} {_number}", SlotOf(_number), _number);
    }

    /// <summary>The next command for that slot, or for all.</summary>
    public (string Line, int? Slot, uint Hint) NextFor(int? slot)
    {
        while (true)
        {
            var next = Next();
            if (next.Slot == slot)
            {
                return next;
            }
        }
    }

    /// <summary>A command is about to be written.</summary>
    public void Begin(int? slot, uint hint)
    {
        ForEach(slot, i => _set[i].Add(hint));
        if (slot is null)
        {
            _initial.Add(hint);
        }
    }

    /// <summary>It certainly was not.</summary>
    public void Cancel(int? slot, uint hint)
    {
        ForEach(slot, i => _set[i].Remove(hint));
        if (slot is null)
        {
            _initial.Remove(hint);
        }
    }

    /// <summary>It has been seen to act, and was the last one.</summary>
    public void Confirm(int? slot, uint hint)
    {
        ForEach(slot, i =>
        {
            _last[i] = hint;
            _set[i] = [hint];
        });
        if (slot is null)
        {
            _initial = [hint];
        }
    }

    /// <summary>Whether a slot can have had this hint at any time.</summary>
    public bool CanBe(int slot, uint hint) => hint == 1 || (hint <= _number && (hint % 16 == 0 || SlotOf(hint) == slot));

    /// <summary>
    /// Holds the region against the commands since the last look, and takes it for what is from here on. A slot keeps its hint as long as its flow is held,
    /// and has the initial one once its flow has gone.
    /// </summary>
    /// <param name="region">As it is, with no command under way.</param>
    /// <param name="anchored">The slots whose flow was held all the time since the last look.</param>
    /// <param name="noneIsLost">Whether every command must have acted, so that the last one holds.</param>
    public void Look(SlotBytes[] region, HashSet<int> anchored, bool noneIsLost = false)
    {
        for (var slot = 0; slot < MarkerSlot; slot++)
        {
            var (hint, before) = (region[slot].Hint, _before?[slot]);
            var hasLeft = before is { IsFree: false } old && (old.Source, old.Destination) != (region[slot].Source, region[slot].Destination);
            var possible = noneIsLost ? _set[slot].TakeLast(1).ToList() : [.. _set[slot]];
            if (!hasLeft && (possible.Count == 0 || !noneIsLost))
            {
                possible.Add(_last[slot]);
            }

            if (!anchored.Contains(slot))
            {
                possible.AddRange(_initial);
            }

            Assert.True(possible.Contains(hint), $"slot {slot}: {region[slot]}; expected hint {string.Join(" or ", possible)}; the slot was {before}, "
                + $"{(anchored.Contains(slot) ? "held" : "not held")} all the time, last seen {_last[slot]}");
            Assert.True(region[slot].Seq % 2 == 0, $"slot {slot}: seq is odd, {region[slot]}");
            _last[slot] = hint;
            _set[slot].Clear();
        }

        _before = region;
    }

    private static int SlotOf(uint hint) => (int)(unchecked(hint * 2654435761u) >> 16) % HintedSlots;

    private static void ForEach(int? slot, Action<int> action)
    {
        var (first, count) = slot is { } one ? (one, 1) : (0, RegionFile.Slots);
        for (var i = first; i < first + count; i++)
        {
            action(i);
        }
    }
}
