using MpibAgent.Policy;
using MpibAgent.Simulator.Baselines;

namespace MpibAgent.Simulator;

/// <summary>The policies that can be tried, by name.</summary>
internal static class Contenders
{
    private static readonly Dictionary<string, Func<SimulatedHost, ISplitPolicy>> _makers = new()
    {
        ["fixed"] = host => new FixedSharePolicy(0.5, host.Period),
        ["linkratio"] = host => new LinkRatioPolicy(host.Period),
        ["capacity"] = host => new CapacityPolicy(host.Encoding),
        ["adaptive"] = host => new AdaptivePolicy(host.Encoding, host.Period, double.NaN, new Random(host.Seed)),
        ["hill"] = host => new HillClimbPolicy(host),
    };

    public static IReadOnlyCollection<string> Names => _makers.Keys;

    /// <exception cref="ArgumentException">There is no such policy.</exception>
    public static Func<SimulatedHost, ISplitPolicy> Find(string name) => _makers.TryGetValue(name, out var maker)
        ? maker
        : throw new ArgumentException($"expected a policy of {string.Join(", ", _makers.Keys)}, got {name}");
}
