namespace MpibAgent.Logging;

/// <summary>
/// Bounds a flood of log lines: in every interval the first few pass, the rest are counted. Owned by a component, on the one thread of that. It has no
/// timer: its owner arms one for <see cref="IntervalEnd"/> (<see cref="Complaints"/>) or comes by often enough, and logs what
/// <see cref="TakeSuppressed"/> gives, where that matters.
/// </summary>
internal sealed class FloodGate
{
    private readonly TimeProvider _time;
    private readonly int _limit;
    private readonly long _interval;
    private bool _isOpen;
    private int _admitted;
    private int _suppressed;
    private int _reportable;

    /// <summary>A gate through which nothing has come yet.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="limit">Lines that pass in an interval.</param>
    /// <param name="interval">Its length, 10 s if null. It begins with the first line after the one before has ended.</param>
    public FloodGate(TimeProvider time, int limit = 20, TimeSpan? interval = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var length = interval ?? TimeSpan.FromSeconds(10);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(length, TimeSpan.Zero, nameof(interval));
        _time = time;
        _limit = limit;
        _interval = (long)Math.Ceiling(length.TotalSeconds * time.TimestampFrequency);
    }

    /// <summary>When the interval ends or has ended, as <see cref="TimeProvider.GetTimestamp"/> counts. 0 before the first line.</summary>
    public long IntervalEnd { get; private set; }

    /// <summary>Whether lines have been left out that <see cref="TakeSuppressed"/> has not counted yet.</summary>
    public bool HasSuppressed => _suppressed + _reportable > 0;

    /// <summary>True when the line may be logged; false when it is to be left out, which is counted.</summary>
    public bool Admit()
    {
        var now = _time.GetTimestamp();
        Close(now);
        if (!_isOpen)
        {
            _isOpen = true;
            _admitted = 0;
            IntervalEnd = now + _interval;
        }

        if (_admitted < _limit)
        {
            _admitted++;
            return true;
        }

        _suppressed++;
        return false;
    }

    /// <summary>The lines left out in intervals that are over, counted once; 0 while the first of them lasts.</summary>
    public int TakeSuppressed()
    {
        Close(_time.GetTimestamp());
        var count = _reportable;
        _reportable = 0;
        return count;
    }

    private void Close(long now)
    {
        if (_isOpen && now >= IntervalEnd)
        {
            _isOpen = false;
            _reportable += _suppressed;
            _suppressed = 0;
        }
    }
}
