using System.Globalization;
using MpibAgent.Interface;

namespace MpibAgent.Control;

/// <summary>What a line of the control FIFO is.</summary>
internal enum LineKind
{
    /// <summary>Empty, or a comment.</summary>
    Nothing,

    /// <summary>A command, ready to be carried out.</summary>
    Command,

    /// <summary>Refused; the reason says why.</summary>
    Fault,
}

/// <summary>A command of the operator: a hint for one slot, or for all and from then on.</summary>
/// <param name="Slot">0 to 255, or null for all.</param>
/// <param name="Hint">Within what the encoding allows.</param>
internal readonly record struct ControlCommand(int? Slot, uint Hint)
{
    /// <summary>Reads one line, without its newline. Pure; the bytes are a stranger's.</summary>
    public static LineKind Parse(ReadOnlySpan<byte> line, HintEncoding encoding, out ControlCommand command, out string reason)
    {
        command = default;
        reason = "";
        var rest = TrimEnd(line);
        var first = NextWord(ref rest);
        if (first.IsEmpty || first[0] == (byte)'#')
        {
            return LineKind.Nothing;
        }

        var second = NextWord(ref rest);
        if (second.IsEmpty || !NextWord(ref rest).IsEmpty)
        {
            reason = "expected two words, SLOT HINT or all HINT";
            return LineKind.Fault;
        }

        int? slot = null;
        if (!first.SequenceEqual("all"u8))
        {
            if (!TryParseDecimal(first, HintLayout.SlotCount - 1, out var number))
            {
                reason = string.Create(CultureInfo.InvariantCulture, $"expected a slot of 0 to {HintLayout.SlotCount - 1}, or all");
                return LineKind.Fault;
            }

            slot = (int)number;
        }

        if (!TryParseDecimal(second, encoding.MaxHint(), out var hint))
        {
            reason = string.Create(CultureInfo.InvariantCulture,
                $"expected a hint of 0 to {encoding.MaxHint()}, decimal (encoding {encoding.Name()})");
            return LineKind.Fault;
        }

        command = new ControlCommand(slot, hint);
        return LineKind.Command;
    }

    private static ReadOnlySpan<byte> TrimEnd(ReadOnlySpan<byte> line) => line is [.. var before, (byte)'\r'] ? before : line;

    private static ReadOnlySpan<byte> NextWord(ref ReadOnlySpan<byte> rest)
    {
        var trimmed = rest.TrimStart(Blanks);
        var end = trimmed.IndexOfAny(Blanks);
        var word = end < 0 ? trimmed : trimmed[..end];
        rest = trimmed[word.Length..];
        return word;
    }

    private static bool TryParseDecimal(ReadOnlySpan<byte> word, uint limit, out uint value)
    {
        // Digits alone: neither a sign nor a separator, and no more than any u32 could need besides leading zeros.
        ulong sum = 0;
        value = 0;
        foreach (var digit in word)
        {
            if (digit is < (byte)'0' or > (byte)'9' || (sum = (sum * 10) + digit - '0') > limit)
            {
                return false;
            }
        }

        value = (uint)sum;
        return true;
    }

    private static ReadOnlySpan<byte> Blanks => " \t"u8;
}
