namespace MpibAgent.Policy;

/// <summary>
/// Tells a counter that its device refreshes far less often than it is read: again and again it stands still, and then moves in a single reading by more
/// than the link carries in that time. A job's bursts do not.
/// </summary>
internal sealed class CounterRefresh
{
    /// <summary>Readings without change before a jump. Less is told from pauses by both rails together (<see cref="RateMeter"/>).</summary>
    private const int LeastStill = 3;

    /// <summary>So many times what the link carries: a rate of a link that is a little wrong, and a reading that was late, are no jump.</summary>
    private const double Impossible = 1.5;

    /// <summary>So many jumps are no chance.</summary>
    private const int Sure = 3;

    /// <summary>A counter that moves again sooner than after this part of a refresh, and so many times in a row, is refreshed more often now.</summary>
    private const double TooSoon = 0.5;
    private const int MostTooSoon = 3;

    private (double Time, ulong Bytes)? _last;
    private double _changed = double.NaN, _gap = double.PositiveInfinity;
    private int _still, _jumps, _soon;
    private bool _hasJumped;

    /// <summary>Seconds from one refresh to the next; 0 as long as it is not known to be refreshed slowly.</summary>
    public double Seconds => _jumps >= Sure ? _gap : 0;

    /// <summary>What follows does not go on from what there was: a reading failed, or the counter went back.</summary>
    public void StartAnew() => (_last, _changed, _still, _hasJumped) = (null, double.NaN, 0, false);

    /// <summary>Takes a reading in.</summary>
    /// <param name="now">When, in seconds.</param>
    /// <param name="bytes">The counter.</param>
    /// <param name="link">The link's rate in bytes per second; 0 when it is not known, and then nothing is told.</param>
    public void Note(double now, ulong bytes, double link)
    {
        if (_last is { } last)
        {
            if (bytes == last.Bytes)
            {
                // Only a counter that stands still afterwards has jumped: bursts begin so as well.
                _jumps = _hasJumped ? Math.Min(Sure, _jumps + 1) : _jumps;
                _hasJumped = false;
                _still++;
            }
            else
            {
                Move(now, link > 0 && bytes - last.Bytes > Impossible * link * (now - last.Time));
            }
        }

        _last = (now, bytes);
    }

    private void Move(double now, bool isImpossible)
    {
        var gap = now - _changed;
        _hasJumped = isImpossible && _still >= LeastStill;
        (_still, _changed) = (0, now);
        if (double.IsNaN(gap))
        {
            return;
        }

        if (_jumps < Sure)
        {
            // A pause of the job may be in one of them.
            _gap = _hasJumped ? Math.Min(gap, _gap) : _gap;
            return;
        }

        _soon = gap < TooSoon * _gap ? _soon + 1 : 0;
        if (_soon >= MostTooSoon)
        {
            (_jumps, _soon, _gap) = (0, 0, double.PositiveInfinity);
        }
        else if (_soon == 0 && gap < (1 + TooSoon) * _gap)
        {
            _gap += 0.2 * (gap - _gap);
        }
    }
}
