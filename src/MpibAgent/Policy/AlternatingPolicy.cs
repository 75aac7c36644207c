namespace MpibAgent.Policy;

/// <summary>Goes to and fro between two shares, for tests of plugins and networks. Looks at nothing.</summary>
internal sealed class AlternatingPolicy(TimeSpan interval, double first, double second) : ISplitPolicy
{
    public const string PolicyName = "alternating";

    private bool _isSecond = true;
    private TimeSpan? _since;
    private TimeSpan? _left;

    public string Name => PolicyName;

    public TimeSpan? Period => _left ?? interval;

    public string Reason => _isSecond ? "the second hint" : "the first hint";

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
    {
        // Asked in between, as with news of a link, it goes on with what it has for the rest of its time.
        if (_since is not { } since || seen.Time - since >= interval)
        {
            _isSecond = !_isSecond;
            _since = seen.Time;
        }

        _left = _since + interval - seen.Time;
        shares.Fill(_isSecond ? second : first);
    }
}
