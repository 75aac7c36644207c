using MpibAgent.Policy;
using MpibAgent.Simulator;

namespace MpibAgent.Tests.Simulator;

/// <summary>Small scenarios, and policies that look or do as they are told.</summary>
internal static class Scenes
{
    /// <summary>Two rails of 400 Gb/s and one stream, for a second, sampled every 5 ms without any error.</summary>
    public static Scenario Plain { get; } = new()
    {
        Name = "plain",
        Duration = 1,
        Rails = new RailPair { Sout = new Rail { LinkGbps = 400 }, Sup = new Rail { LinkGbps = 400 } },
        Flows = [new FlowGroup { Workload = new Workload { Kind = WorkloadKind.Stream } }],
        Sampling = new Sampling { PeriodJitter = 0, StampNoiseMicroseconds = 0 },
    };

    public static Rail Rail(double linkGbps, double? pathGbps = null)
        => new() { LinkGbps = linkGbps, Path = pathGbps is { } path ? CapacityProfile.Always(path) : null };

    /// <summary>Runs a policy and returns the run.</summary>
    public static Simulation Run(this Scenario scenario, ISplitPolicy policy, ShareScale scale = ShareScale.Exact)
        => Simulation.Run(scenario, seed: 0, scale, _ => policy);

    /// <summary>Gives every flow the share that a function says, and keeps what it saw.</summary>
    internal sealed class Scripted(Func<double, double> shareAt) : ISplitPolicy
    {
        public List<Observation> Seen { get; } = [];

        public List<PathLevels[]> Paths { get; } = [];

        public string Name => "scripted";

        public TimeSpan? Period { get; init; } = TimeSpan.FromMilliseconds(5);

        public string Reason => "scripted";

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            Seen.Add(seen);
            Paths.Add(paths.ToArray());
            shares.Fill(shareAt(seen.Time.TotalSeconds));
        }
    }
}
