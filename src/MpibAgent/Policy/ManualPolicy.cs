namespace MpibAgent.Policy;

/// <summary>The operator decides: this policy is never asked and changes nothing.</summary>
internal sealed class ManualPolicy : ISplitPolicy
{
    public const string PolicyName = "manual";

    public string Name => PolicyName;

    public TimeSpan? Period => null;

    public string Reason => "as the operator sets it";

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares) => shares.Fill(double.NaN);
}
