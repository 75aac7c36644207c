using MpibAgent.Slots;

namespace MpibAgent.Policy;

/// <summary>
/// Decides the SUP share of each flow out of what is observed. Pure: observations and time in, shares out; it knows neither slots nor hints,
/// whose encoding the <see cref="PolicyEngine"/> applies.
/// </summary>
internal interface ISplitPolicy
{
    /// <summary>Its name in settings, status and log.</summary>
    string Name { get; }

    /// <summary>How often it is asked; null when it is never.</summary>
    TimeSpan? Period { get; }

    /// <summary>Fills in a share, 0 to 1, for each flow; NaN leaves that flow's hint as it is.</summary>
    void Decide(TimeSpan now, ReadOnlySpan<Flow> flows, Span<double> shares);
}
