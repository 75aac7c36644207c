namespace MpibAgent.Policy;

/// <summary>What both rails sent in bytes per second, over an interval.</summary>
/// <param name="Seconds">The interval's length.</param>
/// <param name="Sout">Rail 0.</param>
/// <param name="Sup">Rail 1.</param>
internal readonly record struct Rates(double Seconds, double Sout, double Sup)
{
    public double Sum => Sout + Sup;

    /// <summary>By how much ln(SUP / SOUT) is off a split's, in log odds.</summary>
    public double Off(double share) => Math.Log((Sup + 1) / (Sout + 1)) - Odds.Of(share);
}

/// <summary>
/// Makes rates of the counters. A reading that failed loses one interval, but none of counters that are refreshed slowly: the next reading shows the same; a
/// counter that went back (reset) starts the measurement anew. Counters that their devices refresh less often than they are read are measured from refresh to refresh, each by itself: no two devices do it at once.
/// </summary>
internal sealed class RateMeter
{
    private readonly RefreshWindow _sout = new(), _sup = new();
    private (double Time, ulong Sout, ulong Sup)? _start, _last;
    private int _readings;

    /// <summary>How many readings make a sample, at least.</summary>
    public int Width { get; set; } = 1;

    /// <summary>Seconds between two refreshes, where a counter is refreshed less often than it is read (<see cref="CounterRefresh"/>); otherwise 0.</summary>
    public double Refresh => Math.Max(_sout.Refresh, _sup.Refresh) is > 0 and var sure ? sure
        : (_sout.Few > 0 || _sout.IsAtRest) && (_sup.Few > 0 || _sup.IsAtRest) ? Math.Max(_sout.Few, _sup.Few) : 0;

    /// <summary>The rates since the last sample, when there is one.</summary>
    public bool TryRead(in Observation seen, out Rates rates)
    {
        rates = default;
        if (seen.Sout.TxBytes is not { } sout || seen.Sup.TxBytes is not { } sup)
        {
            if (!(Refresh > 0))
            {
                _start = _last = null;
            }

            return false;
        }

        var now = seen.Time.TotalSeconds;
        if (_start is not { } start || _last is not { } last || sout < last.Sout || sup < last.Sup)
        {
            _start = _last = (now, sout, sup);
            _readings = 0;
            _sout.StartAnew(now, sout);
            _sup.StartAnew(now, sup);
            return false;
        }

        _last = (now, sout, sup);
        _sout.Note(now, sout, seen.Sout.LinkRate);
        _sup.Note(now, sup, seen.Sup.LinkRate);
        var seconds = now - start.Time;
        _readings++;
        if (seconds <= 1e-4 || _readings < Width || !IsWhole(now))
        {
            return false;
        }

        if (Refresh is > 0 and var refresh)
        {
            // Where a rail falls silent with bytes to show for it, the other's window ends now as well: the end of a burst on one rail alone would pass for a fault.
            var isEnd = _sout.FallsSilent(now, refresh) || _sup.FallsSilent(now, refresh);
            rates = new Rates(seconds, _sout.TakeRate(now, refresh, isEnd), _sup.TakeRate(now, refresh, isEnd));
        }
        else
        {
            rates = new Rates(seconds, (sout - start.Sout) / seconds, (sup - start.Sup) / seconds);
            _sout.Begin();
            _sup.Begin();
        }

        _start = _last;
        _readings = 0;
        return true;
    }

    private bool IsWhole(double now) => Refresh is not (> 0 and var refresh) || (_sout.IsWhole(now, refresh) && _sup.IsWhole(now, refresh));
}
