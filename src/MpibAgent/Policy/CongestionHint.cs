namespace MpibAgent.Policy;

/// <summary>
/// Which rail looks the more congested: by telemetry, or else by the NIC's wait ticks, or else by its congestion notifications. Only a direction to
/// try first; what is kept is decided by goodput.
/// </summary>
internal sealed class CongestionHint
{
    /// <summary>Levels that differ less say nothing.</summary>
    private const int LevelMargin = 40;

    private double _sout, _sup;
    private (ulong Sout, ulong Sup)? _last;
    private bool _areTicks;

    /// <summary>Takes in the counters of a sample that is <paramref name="seconds"/> long.</summary>
    public void Note(in Observation seen, double seconds)
    {
        // Both of one kind: a tick is no notification.
        var areTicks = seen is { Sout.WaitTicks: not null, Sup.WaitTicks: not null };
        var (sout, sup) = areTicks ? (seen.Sout.WaitTicks, seen.Sup.WaitTicks) : (seen.Sout.Notifications, seen.Sup.Notifications);
        if (areTicks != _areTicks)
        {
            (_areTicks, _sout, _sup, _last) = (areTicks, 0, 0, null);
        }

        if (_last is { } last && sout >= last.Sout && sup >= last.Sup)
        {
            _sout += 0.4 * (((sout.Value - last.Sout) / seconds) - _sout);
            _sup += 0.4 * (((sup.Value - last.Sup) / seconds) - _sup);
        }

        _last = sout is { } a && sup is { } b ? (a, b) : null;
    }

    /// <summary>1 when SOUT is the more congested, so that SUP should get more, -1 the other way, 0 when nothing tells.</summary>
    public int Direction(ReadOnlySpan<PathLevels> paths)
    {
        var (sout, sup, known) = (0, 0, 0);
        foreach (var path in paths)
        {
            if (path is { Sout: { } a, Sup: { } b })
            {
                (sout, sup, known) = (sout + a, sup + b, known + 1);
            }
        }

        if (known > 0)
        {
            return Math.Abs(sout - sup) <= LevelMargin * known ? 0 : Math.Sign(sout - sup);
        }

        // Twice as much and not next to nothing: their unit is the device's own.
        return _sout > 2 * _sup && _sout > 1 ? 1 : _sup > 2 * _sout && _sup > 1 ? -1 : 0;
    }
}
