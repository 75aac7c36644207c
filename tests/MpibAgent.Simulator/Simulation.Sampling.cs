using MpibAgent.Policy;

namespace MpibAgent.Simulator;

/// <content>What can be seen of a run, and when.</content>
internal sealed partial class Simulation
{
    /// <summary>Time constant of telemetry, seconds.</summary>
    private const double TelemetryTime = 0.002;

    /// <summary>Seconds after which a sender repeats what was not acknowledged.</summary>
    private const double RetransmissionTimer = 0.067;

    private readonly bool[] _isCongested = new bool[2];
    private readonly double[] _lastCongested = new double[2];

    /// <summary>Congestion notifications per second on a path that is full.</summary>
    private const double NotificationRate = 3000;

    private const double WaitTicksPerSecond = 1e9;

    private readonly double _telemetryGain;
    private readonly double[] _level = new double[2];

    private void StepSignals(double time)
    {
        var signals = _scenario.Signals;
        if (signals.Notifications || signals.Wait || signals.Timeouts)
        {
            foreach (var host in _hosts)
            {
                CountSignals(host, TwoRails.Sout, time);
                CountSignals(host, TwoRails.Sup, time);
            }
        }

        if (signals.Telemetry)
        {
            StepTelemetry(time);
        }
    }

    private void CountSignals(HostState host, int rail, double time)
    {
        var hasTraffic = false;
        var hasSender = false;
        var rate = 0.0;
        foreach (var flow in host.Flows)
        {
            var part = flow.ShareOf(rail);
            hasTraffic |= part > 0 && (flow.Rate > 0 || flow.Messages.Count > 0);
            hasSender |= part > 0 && !flow.IsComputing && flow.IsActive(time);
            rate += flow.Rate * part;
        }

        if (_state[rail] == RailState.Dead && hasSender && (int)(time / RetransmissionTimer) != (int)((time - _step) / RetransmissionTimer))
        {
            host.Timeouts[rail]++;
        }

        var path = PathPerHost(rail);
        if (hasTraffic && path < 0.98 * _nic[rail] && rate > 0.97 * path)
        {
            host.Notifications[rail] += NotificationRate * _step;
            host.Wait[rail] += _step * (1 - (rate / _rails[rail].LinkRate));
        }
    }

    private void StepTelemetry(double time)
    {
        for (var rail = 0; rail < 2; rail++)
        {
            var rate = 0.0;
            foreach (var flow in _flows)
            {
                rate += flow.Rate * flow.ShareOf(rail);
            }

            _level[rail] += _telemetryGain * (_rails[rail].TelemetryLevel(time, rate, _hosts.Length) - _level[rail]);
        }

        for (var rail = 0; rail < 2; rail++)
        {
            _level[rail] = Math.Clamp(_level[rail] + _random.Gauss(0, 0.5), 0, 255);
        }
    }

    private void Sample(double time)
    {
        foreach (var host in _hosts)
        {
            Refresh(host, time);
            if (host.Policy is { } policy && time >= host.NextSample)
            {
                var jitter = _scenario.Sampling.PeriodJitter * _random.Uniform(-1, 1);
                Decide(host, policy, time);
                host.NextSample = policy.Period is { } period ? time + (period.TotalSeconds * (1 + jitter)) : double.PositiveInfinity;
            }
        }
    }

    /// <summary>
    /// The kernel tells at once of a link that goes down or comes up. Not those who sample as often as the scenario has it: the model that these
    /// rules are compared with knows no such news.
    /// </summary>
    private void TellLinks(double time)
    {
        foreach (var host in _hosts)
        {
            if (!_scenario.Sampling.AreLinksUntold && host.Policy?.Period > Period)
            {
                host.NextSample = Math.Min(host.NextSample, time);
            }
        }
    }

    private void Refresh(HostState host, double time)
    {
        Refresh(host, TwoRails.Sout, time);
        Refresh(host, TwoRails.Sup, time - (_scenario.Sampling.RefreshShiftMilliseconds / 1000.0));
    }

    private void Refresh(HostState host, int rail, double time)
    {
        if (_scenario.Sampling.RefreshMilliseconds > 0)
        {
            var number = Math.Floor(time / (_scenario.Sampling.RefreshMilliseconds / 1000.0));
            if (number == host.Refresh[rail])
            {
                return;
            }

            host.Refresh[rail] = number;
        }

        host.SeenBytes[rail] = InPackets(host.TxBytes[rail]);
    }

    private double InPackets(double bytes)
    {
        var packet = _scenario.Sampling.PacketBytes;
        return packet > 0 ? Math.Floor(bytes / packet) * packet : bytes;
    }

    private void Decide(HostState host, ISplitPolicy policy, double time)
    {
        var stamp = time + _random.Gauss(0, _scenario.Sampling.StampNoiseMicroseconds * 1e-6);
        Reset(host, time);
        SetPaths(host, time);
        var seen = new Observation(
            TimeSpan.FromTicks((long)Math.Round(stamp * TimeSpan.TicksPerSecond)), Seen(host, TwoRails.Sout, time), Seen(host, TwoRails.Sup, time), TellsLinks: !_scenario.Sampling.AreLinksUntold);
        host.Shares.AsSpan().Fill(double.NaN);
        policy.Decide(seen, host.Paths, host.Shares);
        for (var i = 0; i < host.Flows.Length; i++)
        {
            if (!double.IsNaN(host.Shares[i]))
            {
                host.Flows[i].Share = _scale.Written(host.Shares[i]);
            }
        }
    }

    private void Reset(HostState host, double time)
    {
        var resets = _scenario.Sampling.Resets;
        for (var i = 0; i < resets.Length; i++)
        {
            if (time >= resets[i].Time && !host.ResetsDone[i])
            {
                host.ResetsDone[i] = true;
                host.ResetBytes[resets[i].Rail] = host.SeenBytes[resets[i].Rail];
            }
        }
    }

    private RailSample Seen(HostState host, int rail, double time) => new()
    {
        IsUp = _rails[rail].State(time) != RailState.Down,
        LinkRate = _rails[rail].LinkRate,
        TxBytes = IsMissing(rail, time) ? null : (ulong)(host.SeenBytes[rail] - host.ResetBytes[rail]),
        Timeouts = _scenario.Signals.Timeouts ? (ulong)host.Timeouts[rail] : null,
        Notifications = _scenario.Signals.Notifications ? (ulong)host.Notifications[rail] : null,
        WaitTicks = _scenario.Signals.Wait ? (ulong)(host.Wait[rail] * WaitTicksPerSecond) : null,
    };

    /// <summary>As the agent's telemetry sees it: over 240 it is, and no more once it is under 200 and was not over for 20 ms.</summary>
    private bool IsCongested(int rail, double time)
    {
        if (_level[rail] > 240)
        {
            _isCongested[rail] = true;
            _lastCongested[rail] = time;
        }
        else if (_level[rail] < 200 && time - _lastCongested[rail] > 0.02)
        {
            _isCongested[rail] = false;
        }

        return _isCongested[rail];
    }

    private bool IsMissing(int rail, double time)
    {
        foreach (var window in _scenario.Sampling.Missing)
        {
            if (window.Rail == rail && time >= window.From && time < window.To)
            {
                return true;
            }
        }

        return false;
    }

    private void SetPaths(HostState host, double time)
    {
        if (_scenario.Signals.Telemetry)
        {
            host.Paths.AsSpan().Fill(new PathLevels((byte)_level[TwoRails.Sout], (byte)_level[TwoRails.Sup],
                IsCongested(TwoRails.Sout, time), IsCongested(TwoRails.Sup, time)));
        }

        if (_scenario.Signals.FlowTelemetry)
        {
            // A flow's path is a rail's common one and what is behind that: the worse of both counts.
            for (var i = 0; i < host.Flows.Length; i++)
            {
                var common = _scenario.Signals.Telemetry ? host.Paths[i] : default;
                host.Paths[i] = common with
                {
                    Sout = Math.Max(common.Sout ?? 0, FlowLevel(host, host.Flows[i], TwoRails.Sout, time)),
                    Sup = Math.Max(common.Sup ?? 0, FlowLevel(host, host.Flows[i], TwoRails.Sup, time)),
                };
            }
        }
    }

    /// <summary>The level of a flow's own path: high where that path is the limit, otherwise by the load of the NIC.</summary>
    private byte FlowLevel(HostState host, FlowState flow, int rail, double time)
    {
        var rate = flow.Rate * flow.ShareOf(rail);
        if (rate > 0 && rate > 0.97 * flow.Limits[rail].At(time) * TwoRails.Gbps)
        {
            return 190;
        }

        var total = 0.0;
        foreach (var other in host.Flows)
        {
            total += other.Rate * other.ShareOf(rail);
        }

        return (byte)Math.Min(150, 140 * Math.Pow(total / _rails[rail].LinkRate, 4));
    }
}
