using MpibAgent.Policy;

namespace MpibAgent.Simulator.Baselines;

/// <summary>The same share for ever.</summary>
internal sealed class FixedSharePolicy(double share, TimeSpan period) : ISplitPolicy
{
    public string Name => "fixed";

    public TimeSpan? Period => period;

    public string Reason => "fixed";

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares) => shares.Fill(share);
}
