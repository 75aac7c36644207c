namespace MpibAgent.Policy;

/// <summary>
/// What a counter moved by from one refresh of its device to a later one. A reading sees a refresh late by up to one reading, so a window has enough of
/// either to make little of that; unless the moment of a refresh is known better (<see cref="CounterRefresh.At"/>), and then one is enough.
/// </summary>
internal sealed class RefreshWindow
{
    /// <summary>Refreshes in a window, unless it has so many readings before.</summary>
    private const double MostRefreshes = 2.75;
    private const int EnoughReadings = 12;

    /// <summary>A window from one refresh to the next is at least this part of the mean.</summary>
    private const double WholeRefresh = 0.9;

    /// <summary>Refreshes without a change after which nothing moves.</summary>
    private const double Silence = 1.5;

    private readonly CounterRefresh _watch = new();
    private (double Time, ulong Bytes)? _from;
    private (double Time, ulong Bytes) _changed;
    private double _seen;
    private int _readings, _readingsAtChange;

    /// <inheritdoc cref="CounterRefresh.Seconds"/>
    public double Refresh => _watch.Seconds;

    /// <inheritdoc cref="CounterRefresh.Few"/>
    public double Few => _watch.Few;

    /// <inheritdoc cref="CounterRefresh.IsAtRest"/>
    public bool IsAtRest => _watch.IsAtRest;

    private double Length => _from is { } from ? _changed.Time - from.Time : 0;

    /// <summary>What follows does not go on from what there was: a reading failed, or the counter went back.</summary>
    public void StartAnew(double now, ulong bytes)
    {
        _watch.StartAnew();
        _changed = (now, bytes);
        _seen = now;
        Begin();
    }

    /// <summary>The next change begins a window: what the counter moves by then may have been sent at any time before.</summary>
    public void Begin() => (_from, _readings, _readingsAtChange) = (null, 0, 0);

    /// <inheritdoc cref="CounterRefresh.Note"/>
    public void Note(double now, ulong bytes, double link)
    {
        _watch.Note(now, bytes, link);
        _readings++;
        if (bytes == _changed.Bytes)
        {
            return;
        }

        _changed = (Few > 0 ? _watch.At : now, bytes);
        _seen = now;
        if (_from is null)
        {
            (_from, _readings) = (_changed, 0);
        }

        _readingsAtChange = _readings;
    }

    /// <summary>Whether there is enough in it, or nothing comes.</summary>
    public bool IsWhole(double now, double refresh) => IsSilent(now, refresh)
        || (Length > WholeRefresh * refresh && (Few > 0 || _readingsAtChange >= EnoughReadings || Length > MostRefreshes * refresh));

    /// <summary>Whether nothing comes after what is in it.</summary>
    public bool FallsSilent(double now, double refresh) => IsSilent(now, refresh) && Length > 0;

    /// <summary>Bytes per second of the window, up to <paramref name="now"/> where this is the end of what was sent; the next one begins.</summary>
    public double TakeRate(double now, double refresh, bool isEnd)
    {
        var rate = _from is { } from && Length > 0 ? (_changed.Bytes - from.Bytes) / (isEnd ? now - from.Time : Length) : 0;
        Begin();
        if (!isEnd && !IsSilent(now, refresh))
        {
            _from = _changed;
        }

        return rate;
    }

    private bool IsSilent(double now, double refresh) => now - _seen > Silence * refresh;
}
