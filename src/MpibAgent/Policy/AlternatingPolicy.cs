namespace MpibAgent.Policy;

/// <summary>Goes to and fro between two shares, for tests of plugins and networks. Looks at nothing.</summary>
internal sealed class AlternatingPolicy(TimeSpan interval, double first, double second) : ISplitPolicy
{
    public const string PolicyName = "alternating";

    private bool _isSecond = true;

    public string Name => PolicyName;

    public TimeSpan? Period => interval;

    public string Reason => _isSecond ? "the second hint" : "the first hint";

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
    {
        _isSecond = !_isSecond;
        shares.Fill(_isSecond ? second : first);
    }
}
