namespace MpibAgent.Policy;

/// <summary>Settings of the policies, section [Policy]. All of them can change at a reload.</summary>
internal sealed class PolicyOptions
{
    /// <summary>Who sets the hints: manual, alternating, capacity or adaptive.</summary>
    public string Name { get; set; } = ManualPolicy.PolicyName;

    /// <summary>
    /// How often the adaptive policy reads the counters while bytes move, 2 to 1000 ms. At most a quarter of the shortest phase of traffic that it is to
    /// follow; it makes its samples longer by itself where they hold too few messages.
    /// </summary>
    public int PeriodMs { get; set; } = 5;

    /// <summary>How long the alternating policy keeps each of its hints, 1 to 3600000 ms.</summary>
    public int AlternatingMs { get; set; } = 1000;

    /// <summary>The alternating policy's first hint, 0 to 65536 and within the encoding.</summary>
    public uint AlternatingFirst { get; set; }

    /// <summary>Its second.</summary>
    public uint AlternatingSecond { get; set; } = 1;
}
