namespace MpibAgent.Policy;

/// <summary>
/// Decides the SUP share of each flow out of what is observed. Pure: observations and time in, shares out; it knows neither slots nor hints,
/// whose encoding the <see cref="PolicyEngine"/> applies.
/// </summary>
internal interface ISplitPolicy
{
    /// <summary>Its name in settings, status and log.</summary>
    string Name { get; }

    /// <summary>In how long it wants to be asked again; null for never. It may change with every decision.</summary>
    TimeSpan? Period { get; }

    /// <summary>Why the shares are what they are, in a few words: "SUP down", "accepted 0.31 to 0.34".</summary>
    string Reason { get; }

    /// <summary>Fills in a share, 0 to 1, for each flow; NaN leaves that flow's hint as it is.</summary>
    /// <param name="seen">The rails.</param>
    /// <param name="paths">The flows that it steers: what telemetry says of each one's paths.</param>
    /// <param name="shares">As many as there are flows, in the same order.</param>
    void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares);
}
