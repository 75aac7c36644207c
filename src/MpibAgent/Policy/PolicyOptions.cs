namespace MpibAgent.Policy;

/// <summary>Settings of the policy engine, section [Policy].</summary>
internal sealed class PolicyOptions
{
    /// <summary>Which policy sets the hints: manual.</summary>
    public string Name { get; set; } = ManualPolicy.PolicyName;
}
