using MpibAgent.Policy;

namespace MpibAgent.Simulator.Baselines;

/// <summary>Turns byte counters into rates, over missing reads, resets, and counters that the device refreshes more slowly than they are read.</summary>
internal sealed class RateMeter
{
    /// <summary>How sure, 0 to 1, it must be of a slow refresh to wait for it.</summary>
    private const double Suspicion = 0.3;

    private Reading? _base;
    private Reading? _last;
    private double _refresh;
    private double _suspicion;
    private double? _lastChange;
    private int _unchanged;

    /// <returns>The rates since the last answer, or null while there is nothing to tell.</returns>
    public Rates? Feed(in Observation seen)
    {
        if (seen.Sout.TxBytes is not { } sout || seen.Sup.TxBytes is not { } sup)
        {
            _base = _last = null;
            return null;
        }

        var now = new Reading(seen.Time.TotalSeconds, sout, sup);
        if (_base is not { } from || _last is not { } last)
        {
            _base = _last = now;
            return null;
        }

        if (sout < last.Sout || sup < last.Sup)
        {
            _base = _last = now;
            _unchanged = 0;
            return null;
        }

        _last = now;
        var hasChanged = sout != last.Sout || sup != last.Sup;
        WatchRefresh(now.Time, hasChanged);
        var interval = now.Time - from.Time;
        if (interval <= 1e-4 || (_suspicion > Suspicion && MustWait(interval, hasChanged)))
        {
            return null;
        }

        _base = now;
        return new Rates((sout - from.Sout) / interval, (sup - from.Sup) / interval);
    }

    /// <summary>A counter that stands still for one to three reads, and then jumps, again and again, is refreshed slowly.</summary>
    private void WatchRefresh(double time, bool hasChanged)
    {
        if (!hasChanged)
        {
            _unchanged++;
            return;
        }

        _suspicion = _unchanged is >= 1 and <= 3 ? Math.Min(1, _suspicion + 0.1) : Math.Max(0, _suspicion - 0.01);
        if (_lastChange is { } lastChange && _unchanged <= 3 && _suspicion > Suspicion)
        {
            _refresh += 0.2 * (time - lastChange - _refresh);
        }

        if (_suspicion < 0.2)
        {
            _refresh = 0;
        }

        _lastChange = time;
        _unchanged = 0;
    }

    private bool MustWait(double interval, bool hasChanged)
        => hasChanged ? interval < 3 * _refresh : _unchanged <= 4;

    /// <summary>Bytes per second.</summary>
    internal readonly record struct Rates(double Sout, double Sup)
    {
        public double Total => Sout + Sup;
    }

    private readonly record struct Reading(double Time, ulong Sout, ulong Sup);
}
