using MpibAgent.Slots;

namespace MpibAgent.Policy;

/// <summary>The operator decides: this policy is never asked and changes nothing.</summary>
internal sealed class ManualPolicy : ISplitPolicy
{
    public const string PolicyName = "manual";

    public string Name => PolicyName;

    public TimeSpan? Period => null;

    public void Decide(TimeSpan now, ReadOnlySpan<Flow> flows, Span<double> shares) => shares.Fill(double.NaN);
}
