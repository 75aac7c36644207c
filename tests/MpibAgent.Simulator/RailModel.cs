namespace MpibAgent.Simulator;

/// <summary>A rail during a run: what its NIC and its path can give at a time.</summary>
internal sealed class RailModel(Rail rail)
{
    /// <summary>A path above this many Gb/s is no limit: telemetry then looks at the NICs.</summary>
    private const double NoPath = 1e8;

    private readonly CapacityProfile _path = rail.Path ?? CapacityProfile.Always(1e9);
    private readonly CapacityProfile _netCross = rail.NetCross ?? CapacityProfile.Always(0);
    private readonly CapacityProfile _hostCross = rail.HostCross ?? CapacityProfile.Always(0);

    /// <summary>Bytes per second.</summary>
    public double LinkRate { get; } = rail.LinkGbps * TwoRails.Gbps;

    /// <summary>Bytes per second that the host's other programs send over the NIC.</summary>
    public double HostCross(double time) => _hostCross.At(time) * TwoRails.Gbps;

    /// <summary>Bytes per second that the path has for us.</summary>
    public double PathRate(double time)
    {
        var path = _path.At(time);
        return Math.Max(Math.Max(path - _netCross.At(time), rail.FairFloor * path), 0) * TwoRails.Gbps;
    }

    public RailState State(double time)
    {
        var state = RailState.Up;
        foreach (var change in rail.States)
        {
            if (time >= change.Time)
            {
                state = change.State;
            }
        }

        return state;
    }

    /// <summary>The congestion level, 0 to 255, that a switch would report in the long run.</summary>
    /// <param name="time">Seconds.</param>
    /// <param name="rate">Bytes per second that we send over the rail, from all hosts.</param>
    /// <param name="hosts">How many hosts there are.</param>
    public double TelemetryLevel(double time, double rate, int hosts)
    {
        var path = Math.Max(_path.At(time), 1e-9);
        var cross = _netCross.At(time);
        if (cross > 0.9 * path && path < NoPath)
        {
            return 252;
        }

        if (State(time) != RailState.Up)
        {
            return 255;
        }

        var sent = rate / TwoRails.Gbps;
        var load = path < NoPath ? Math.Min(1, (cross + sent) / Math.Min(path, 1e6)) : sent * TwoRails.Gbps / (LinkRate * hosts);
        return load < 0.97 ? 140 * Math.Pow(load, 4) : 150;
    }
}
