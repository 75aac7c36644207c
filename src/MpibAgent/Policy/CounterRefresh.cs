namespace MpibAgent.Policy;

/// <summary>
/// Tells a counter that its device refreshes less often than it is read. Far less often: again and again it stands still, and then moves in a single reading by
/// more than the link carries in that time. A job's bursts do not. Every few readings: it stands still between them, and moves by the same each time. The
/// readings at a burst's ends hold any part of one.
/// </summary>
internal sealed class CounterRefresh
{
    /// <summary>Readings without change before a jump.</summary>
    private const int LeastStill = 3;

    /// <summary>So many times what the link carries: a rate of a link that is a little wrong, and a reading that was late, are no jump.</summary>
    private const double Impossible = 1.5;

    /// <summary>So many jumps are no chance.</summary>
    private const int Sure = 3;

    /// <summary>A counter that moves again sooner than after this part of a refresh, and so many times in a row, is refreshed more often now.</summary>
    private const double TooSoon = 0.5;
    private const int MostTooSoon = 3;

    /// <summary>Two moves that differ by no more than this part are alike.</summary>
    private const double Alike = 0.15;

    /// <summary>Readings without change between alike moves. More may be a job that sends one short burst a step.</summary>
    private const int MostStill = 3;

    /// <summary>
    /// Moves in a row before a single still reading, and before more. Refreshes that are two readings apart never move a counter twice in a row, but for a reading
    /// that was late.
    /// </summary>
    private const int MostInRow = 10, MostInRowApart = 2;

    /// <summary>What a move after still readings says for a few readings per refresh, if it is like the one before, and against it if not; and what one right after another says against it.</summary>
    private const double For = 0.1, Against = 0.1, AgainstInRow = 0.03, AgainstAlikeInRow = 0.01;

    /// <summary>By how much a pace that is not between the readings is put right, and by what part of a refresh one may come early.</summary>
    private const double PaceGain = 0.05, Early = 0.05;

    /// <summary>Above the one it is told, below the other no more.</summary>
    private const double Told = 0.3, Forgotten = 0.2;

    private (double Time, ulong Bytes)? _last;
    private double _changed = double.NaN, _gap = double.PositiveInfinity;
    private int _still, _inRow, _jumps, _soon;
    private bool _hasJumped, _isTold;
    private double _suspicion, _few;
    private ulong _moved;

    /// <summary>Seconds from one refresh to the next; 0 as long as it is not known to be refreshed slowly.</summary>
    public double Seconds => _jumps >= Sure ? _gap : 0;

    /// <summary>The same of one that looks as if it were refreshed every few readings. So does a rail that waits for another, message by message: only of both is it sure.</summary>
    public double Few => _isTold ? _few : 0;

    /// <summary>When it was refreshed last. Of one that is not told a few readings per refresh, when that was seen, which is late by up to a reading.</summary>
    public double At { get; private set; }

    /// <summary>Whether nothing moves it, so that it looks like nothing.</summary>
    public bool IsAtRest => _still > MostStill;

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
                Compare(now, bytes - last.Bytes, last.Time);
                Move(now, link > 0 && bytes - last.Bytes > Impossible * link * (now - last.Time));
            }
        }

        _last = (now, bytes);
    }

    private void Compare(double now, ulong moved, double before)
    {
        // Where a refresh takes about as long as a reading, one that misses it is made up for by the next, and after that comes a single one.
        var isAlike = AreAlike(moved, _moved) || (_still > 0 ? AreAlike(moved, 2.0 * _moved) : AreAlike(2.0 * moved, _moved));
        _moved = moved;
        var change = (isAlike, _still) switch
        {
            (true, 0) => -AgainstAlikeInRow,
            (_, 0 or > MostStill) => -AgainstInRow,
            _ => isAlike && _inRow <= (_still == 1 ? MostInRow : MostInRowApart) ? For : -Against,
        };
        _inRow = _still == 0 ? _inRow + 1 : 1;
        if (_isTold)
        {
            KeepPace(now, before);
        }
        else
        {
            At = now;
            if (_still <= MostStill && !double.IsNaN(_changed))
            {
                _few = _suspicion > 0 ? _few + (0.2 * (now - _changed - _few)) : now - _changed;
            }
        }

        _suspicion = Math.Clamp(_suspicion + change, 0, 1);
        _isTold = _suspicion > (_isTold ? Forgotten : Told);
    }

    /// <summary>A refresh is between two readings, and where there the pace of all those before tells.</summary>
    private void KeepPace(double now, double before)
    {
        // Of a reading that takes longer than a refresh it is the last.
        var count = now - before < _few && _still <= MostStill ? 1 : Math.Max(1, Math.Floor(((now - At) / _few) + Early));
        var expected = At + (count * _few);
        At = Math.Clamp(expected, before, now);
        _few += PaceGain * (At - expected) / count;
    }

    private static bool AreAlike(double a, double b) => Math.Abs(a - b) < Alike * Math.Max(a, b);

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
