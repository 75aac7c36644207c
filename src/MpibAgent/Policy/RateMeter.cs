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
/// Makes rates of the counters. A reading that failed loses one interval; a counter that went back (reset) starts the measurement anew; counters
/// that the device refreshes less often than they are read are read over at least three of its refreshes.
/// </summary>
internal sealed class RateMeter
{
    private (double Time, ulong Sout, ulong Sup)? _start, _last;
    private double _lastChange;
    private double _refresh;
    private double _suspicion;
    private int _unchanged, _moved;
    private int _readings;

    /// <summary>How many readings make a sample, at least.</summary>
    public int Width { get; set; } = 1;

    /// <summary>Whether the counters are refreshed so slowly that a sample spans several readings.</summary>
    public bool IsSlow => _suspicion > 0.3;

    /// <summary>The rates since the last sample, when there is one.</summary>
    public bool TryRead(in Observation seen, out Rates rates)
    {
        rates = default;
        if (seen.Sout.TxBytes is not { } sout || seen.Sup.TxBytes is not { } sup)
        {
            _start = _last = null;
            return false;
        }

        var now = seen.Time.TotalSeconds;
        if (_start is not { } start || _last is not { } last || sout < last.Sout || sup < last.Sup)
        {
            _start = _last = (now, sout, sup);
            _unchanged = _readings = 0;
            return false;
        }

        var isSame = sout == last.Sout && sup == last.Sup;
        _last = (now, sout, sup);
        NoteRefresh(now, isSame);
        var seconds = now - start.Time;
        _readings++;
        if (seconds <= 1e-4 || _readings < Width || (IsSlow && (isSame ? _unchanged <= 4 : seconds < 3 * _refresh)))
        {
            return false;
        }

        _start = _last;
        _readings = 0;
        rates = new Rates(seconds, (sout - start.Sout) / seconds, (sup - start.Sup) / seconds);
        return true;
    }

    /// <summary>Counters that stand still for one to three readings and then jump, again and again, are refreshed slowly.</summary>
    private void NoteRefresh(double now, bool isSame)
    {
        if (isSame)
        {
            _unchanged++;
            return;
        }

        // After two still readings or three a refresh takes longer than a reading: no four in a row move then. A job's bursts do, with pauses as short.
        var isRefresh = _unchanged is >= 1 and <= 3 && _moved <= (_unchanged == 1 ? 10 : 3);
        _moved = _unchanged == 0 ? _moved + 1 : 1;
        _suspicion = isRefresh ? Math.Min(1, _suspicion + 0.1) : Math.Max(0, _suspicion - 0.01);
        if (_unchanged <= 3 && IsSlow)
        {
            _refresh += 0.2 * (now - _lastChange - _refresh);
        }

        if (_suspicion < 0.2)
        {
            _refresh = 0;
        }

        _lastChange = now;
        _unchanged = 0;
    }
}
