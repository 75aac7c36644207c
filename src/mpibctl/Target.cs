using System.Globalization;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>What a command is about: one slot, the slot of a flow, or all. Pure.</summary>
/// <param name="Slot">The slot; null for a flow that is to be looked up, and for all.</param>
/// <param name="Source">Source of the flow, when it is given by a flow.</param>
/// <param name="Destination">Destination of the flow.</param>
public sealed record Target(int? Slot, Ipv4Address? Source = null, Ipv4Address? Destination = null)
{
    /// <summary>Every slot.</summary>
    public bool IsAll => Slot is null && Source is null;

    /// <summary>Reads "3", "10.0.0.1,10.0.0.2" or "all"; null, and what was expected, for anything else.</summary>
    public static Target? Parse(string text, out string reason)
    {
        reason = "";
        if (text == "all")
        {
            return new Target(Slot: null);
        }

        if (text.Split(',') is [var source, var destination] && Ipv4Address.TryParse(source, out var from) && Ipv4Address.TryParse(destination, out var to))
        {
            return new Target(null, from, to);
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var slot) && slot < HintLayout.SlotCount)
        {
            return new Target(slot);
        }

        reason = $"expected a slot of 0 to {HintLayout.SlotCount - 1}, a flow such as 10.0.0.1,10.0.0.2, or all; got '{Text.Safe(text)}'";
        return null;
    }
}
