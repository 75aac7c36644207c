using MpibAgent.Policy;

namespace MpibAgent.Simulator.Baselines;

/// <summary>Shares by what the links could carry, whatever comes of it.</summary>
internal sealed class LinkRatioPolicy(TimeSpan period) : ISplitPolicy
{
    public string Name => "linkratio";

    public TimeSpan? Period => period;

    public string Reason => "link rates";

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        => shares.Fill(seen.Sup.LinkRate / (seen.Sout.LinkRate + seen.Sup.LinkRate));
}
