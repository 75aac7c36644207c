using System.Numerics;
using System.Runtime.CompilerServices;
using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <summary>A set of slots with the lowest one at hand: a bit for each.</summary>
internal struct SlotSet
{
    private const int WordCount = HintLayout.SlotCount / 64;

    private Words _words;

    /// <summary>Every slot.</summary>
    public static SlotSet All
    {
        get
        {
            var all = default(SlotSet);
            ((Span<ulong>)all._words).Fill(ulong.MaxValue);
            return all;
        }
    }

    /// <summary>How many slots are in the set.</summary>
    public readonly int Count
    {
        get
        {
            var count = 0;
            foreach (var word in _words)
            {
                count += BitOperations.PopCount(word);
            }

            return count;
        }
    }

    public readonly bool Contains(int slot) => (_words[slot / 64] >> (slot % 64) & 1) != 0;

    public void Add(int slot) => _words[slot / 64] |= 1UL << (slot % 64);

    public void Remove(int slot) => _words[slot / 64] &= ~(1UL << (slot % 64));

    /// <summary>The lowest slot of the set; false when it is empty.</summary>
    public readonly bool TryLowest(out int slot)
    {
        for (var i = 0; i < WordCount; i++)
        {
            if (_words[i] != 0)
            {
                slot = (i * 64) + BitOperations.TrailingZeroCount(_words[i]);
                return true;
            }
        }

        slot = -1;
        return false;
    }

    /// <summary>The highest slot of the set; false when it is empty.</summary>
    public readonly bool TryHighest(out int slot)
    {
        for (var i = WordCount - 1; i >= 0; i--)
        {
            if (_words[i] != 0)
            {
                slot = (i * 64) + BitOperations.Log2(_words[i]);
                return true;
            }
        }

        slot = -1;
        return false;
    }

    [InlineArray(WordCount)]
    private struct Words
    {
        private ulong _first;
    }
}
