using System.Globalization;
using System.Text;
using MpibAgent.Interface;
using MpibAgent.Policy;

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

/// <summary>What a command does.</summary>
internal enum CommandKind
{
    /// <summary>SLOT HINT, all HINT: the hint of one slot, or of all and from then on; pins it.</summary>
    SetHint,

    /// <summary>SLOT auto, all auto: gives back what was pinned.</summary>
    Unpin,

    /// <summary>policy NAME: puts that policy in charge.</summary>
    UsePolicy,

    /// <summary>status: the log gets a line for each slot in use.</summary>
    TellStatus,
}

/// <summary>A command of the operator.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Slot">0 to 255, or null for all.</param>
/// <param name="Hint">Within what the encoding allows.</param>
/// <param name="Policy">The policy's name.</param>
internal readonly record struct ControlCommand(CommandKind Kind, int? Slot = null, uint Hint = 0, string Policy = "")
{
    /// <summary>Whether a line, or the beginning of one, is for people.</summary>
    public static bool IsComment(ReadOnlySpan<byte> line) => NextWord(ref line) is [(byte)'#', ..];

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
        var isStatus = first.SequenceEqual("status"u8);
        if (second.IsEmpty != isStatus || !NextWord(ref rest).IsEmpty)
        {
            reason = isStatus ? "expected nothing after status" : "expected two words: SLOT HINT, all HINT, SLOT auto, all auto or policy NAME; or status";
            return LineKind.Fault;
        }

        if (isStatus)
        {
            command = new ControlCommand(CommandKind.TellStatus);
            return LineKind.Command;
        }

        return first.SequenceEqual("policy"u8)
            ? ParsePolicy(second, out command, out reason)
            : ParseHint(first, second, encoding, out command, out reason);
    }

    private static LineKind ParsePolicy(ReadOnlySpan<byte> name, out ControlCommand command, out string reason)
    {
        foreach (var policy in PolicyCatalogue.Names)
        {
            if (Ascii.Equals(name, policy))
            {
                command = new ControlCommand(CommandKind.UsePolicy, Policy: policy);
                reason = "";
                return LineKind.Command;
            }
        }

        command = default;
        reason = $"expected a policy of {string.Join(", ", PolicyCatalogue.Names)}";
        return LineKind.Fault;
    }

    private static LineKind ParseHint(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, HintEncoding encoding, out ControlCommand command, out string reason)
    {
        command = default;
        reason = "";
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

        if (second.SequenceEqual("auto"u8))
        {
            command = new ControlCommand(CommandKind.Unpin, slot);
            return LineKind.Command;
        }

        if (!TryParseDecimal(second, encoding.MaxHint(), out var hint))
        {
            reason = string.Create(CultureInfo.InvariantCulture,
                $"expected a hint of 0 to {encoding.MaxHint()}, decimal (encoding {encoding.Name()}), or auto");
            return LineKind.Fault;
        }

        command = new ControlCommand(CommandKind.SetHint, slot, hint);
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
