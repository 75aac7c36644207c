namespace MpibAgent.Slots;

/// <summary>What the table has done since the agent's start: plain numbers, counted on the loop's thread and read by Metrics.</summary>
internal sealed class TableCounts
{
    private readonly long[] _hintWrites = new long[Enum.GetValues<HintSource>().Length];

    /// <summary>Registrations made, moves of a connection to another flow among them.</summary>
    public long Registrations { get; set; }

    /// <summary>Connections given up by a request.</summary>
    public long Deregistrations { get; set; }

    /// <summary>Connections that went with their process.</summary>
    public long Ends { get; set; }

    /// <summary>Slots that an earlier agent had given.</summary>
    public int AdoptedSlots { get; set; }

    /// <summary>Hints written into the region by or for a source.</summary>
    public long HintWrites(HintSource source) => _hintWrites[(int)source];

    /// <summary>Counts one of them.</summary>
    public void CountHint(HintSource source) => _hintWrites[(int)source]++;
}
