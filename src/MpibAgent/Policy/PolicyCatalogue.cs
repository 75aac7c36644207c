using MpibAgent.Hints;
using MpibAgent.Interface;

namespace MpibAgent.Policy;

/// <summary>Makes the policies by their names, with the settings of [Policy] that are in force.</summary>
internal sealed class PolicyCatalogue(PolicyOptions options, HintOptions hints)
{
    /// <summary>The settings that the next policy is made by; a reload puts others here.</summary>
    public PolicyOptions Options { get; set; } = options;

    /// <summary>The names there are.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [ManualPolicy.PolicyName, AlternatingPolicy.PolicyName, CapacityPolicy.PolicyName, AdaptivePolicy.PolicyName];

    /// <summary>Makes a policy of one of <see cref="Names"/>.</summary>
    /// <param name="name">Which.</param>
    /// <param name="share">The share that flows have now, to go on from; NaN when there is none.</param>
    public ISplitPolicy Create(string name, double share) => name switch
    {
        AlternatingPolicy.PolicyName => new AlternatingPolicy(
            TimeSpan.FromMilliseconds(Options.AlternatingMs), ShareOf(Options.AlternatingFirst), ShareOf(Options.AlternatingSecond)),
        CapacityPolicy.PolicyName => new CapacityPolicy(hints.Encoding),
        AdaptivePolicy.PolicyName => new AdaptivePolicy(hints.Encoding, TimeSpan.FromMilliseconds(Options.PeriodMs), share, new Random()),
        _ => new ManualPolicy(),
    };

    // In double: float32, as the plugin has it, would not lead back to the very hint.
    private double ShareOf(uint hint) => hints.Encoding == HintEncoding.Ppm1024 ? hint / 1024.0 : hint / (1.0 + hint);
}
