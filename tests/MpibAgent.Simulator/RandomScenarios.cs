namespace MpibAgent.Simulator;

/// <summary>
/// Makes the n-th of an endless row of scenarios: links, paths, cross traffic, faults, flows and signals put together by chance, each within what
/// clusters have. A policy that does well in the scenarios that it was tuned on must do no harm in these. The same n is the same scenario for ever.
/// </summary>
internal sealed class RandomScenarios
{
    /// <summary>The largest message is 1 GiB.</summary>
    private const int LargestMessageDoublings = 6;

    /// <summary>Gb/s.</summary>
    private static readonly double[] _linkRates = [25, 40, 50, 100, 200, 400, 800];

    private readonly int _number;
    private readonly PythonRandom _random;
    private readonly double _duration;
    private readonly double _soutLink;
    private readonly double _supLink;
    private int _walks;

    private RandomScenarios(int number)
    {
        _number = number;
        _random = new PythonRandom(number);
        _duration = Math.Round(_random.Uniform(6, 10), 1);
        _soutLink = _random.Choice<double>(_linkRates);
        _supLink = Chance(0.5) ? _soutLink : _random.Choice<double>([.. _linkRates.Where(IsComparable)]);
    }

    public static Scenario Make(int number) => new RandomScenarios(number).Make();

    /// <summary>Nobody stripes over links that are worlds apart.</summary>
    private bool IsComparable(double link) => link <= 8 * _soutLink && _soutLink <= 8 * link;

    private Scenario Make()
    {
        var hosts = Chance(0.07) ? 2 + _random.Below(3) : 1;
        var sharesPath = hosts > 1 && Chance(0.7);
        var rails = new RailPair { Sout = MakeRail(_soutLink, sharesPath ? hosts : 1), Sup = MakeRail(_supLink, sharesPath ? hosts : 1) };
        var hasDead = rails.Sout.States.Concat(rails.Sup.States).Any(change => change.State == RailState.Dead);
        return new Scenario
        {
            Name = $"random-{_number}",
            Duration = _duration,
            Seed = _number,
            Hosts = hosts,
            SharedPath = sharesPath,
            Rails = rails,
            Flows = MakeFlows(hosts),
            Sampling = MakeSampling(),
            Signals = new SignalSet
            {
                Telemetry = Chance(0.15),
                FlowTelemetry = Chance(0.05),
                Notifications = Chance(0.25),
                Wait = Chance(0.15),
                Timeouts = hasDead || Chance(0.6),
            },
        };
    }

    private Rail MakeRail(double link, int pathHosts)
    {
        // Capacity and cross traffic are of one path, which several hosts may share.
        var whole = link * pathHosts;
        var path = Chance(0.45) ? Capacity(whole) : null;
        var cross = Chance(0.35) ? Load(whole, 0.9) : null;
        return new Rail
        {
            LinkGbps = link,
            Path = path ?? (cross is null && pathHosts == 1 ? null : CapacityProfile.Always(whole)),
            NetCross = cross,
            FairFloor = cross is null ? 0 : _random.Choice<double>([0.02, 0.05, 0.1, 0.3]),
            HostCross = Chance(0.12) ? Load(link, 0.6) : null,
            States = Chance(0.1) ? Faults() : [],
        };
    }

    /// <summary>What a path lets through: less than the link, at least at times.</summary>
    private CapacityProfile Capacity(double link) => _random.Below(8) switch
    {
        <= 2 => CapacityProfile.Always(link * Logarithmic(0.1, 1)),
        <= 5 => new CapacityProfile.Steps(Points(1 + _random.Below(4), () => link * (Chance(0.35) ? 1 : Logarithmic(0.1, 1)))),
        6 => new CapacityProfile.Ramp(Points(2, () => link * _random.Uniform(0.15, 1))),
        _ => new CapacityProfile.Walk(Logarithmic(0.1, 3), link * _random.Uniform(0.1, 0.5), link, NextWalk()),
    };

    /// <summary>Traffic of others, up to a part of the link.</summary>
    private CapacityProfile Load(double link, double most) => _random.Below(8) switch
    {
        0 => CapacityProfile.Always(link * _random.Uniform(0.05, most)),
        <= 2 => new CapacityProfile.Steps(Points(1 + _random.Below(4), () => Chance(0.4) ? 0 : link * _random.Uniform(0.05, most))),
        <= 5 => OnOff(link, most),
        6 => new CapacityProfile.Walk(Logarithmic(0.02, 2), 0, link * _random.Uniform(0.1, most), NextWalk()),
        _ => new CapacityProfile.Sum([CapacityProfile.Always(link * _random.Uniform(0.02, most / 3)), OnOff(link, most / 2)]),
    };

    private CapacityProfile.OnOff OnOff(double link, double most) => new(
        period: Logarithmic(0.05, 5),
        duty: _random.Uniform(0.1, 0.9),
        on: link * _random.Uniform(0.1, most),
        off: 0,
        start: _random.Uniform(0, 2),
        end: Chance(0.5) ? 1e9 : _random.Uniform(_duration / 2, _duration));

    private (double Time, double Value)[] Points(int changes, Func<double> value)
    {
        var points = new List<(double Time, double Value)> { (0, value()) };
        for (var i = 0; i < changes; i++)
        {
            // Each in a part of the run of its own.
            points.Add((_duration * (i + 1 + _random.Uniform(-0.3, 0.3)) / (changes + 1), value()));
        }

        return [.. points];
    }

    private StateChange[] Faults()
    {
        var start = _random.Uniform(1, _duration * 0.6);
        var fault = Chance(0.3) ? RailState.Dead : RailState.Down;
        var end = start + Logarithmic(0.2, 3);
        return Chance(0.25)
            ? [new(start, fault), new(end, RailState.Up), new(end + 0.7, fault), new(end + 1.2, RailState.Up)]
            : [new(start, fault), new(end, RailState.Up)];
    }

    private FlowGroup[] MakeFlows(int hosts)
    {
        var isBig = Chance(0.12);
        var groups = isBig || hosts > 1 || Chance(0.6) ? 1 : 2 + _random.Below(2);
        var most = Chance(0.5) ? groups : 8;
        var flows = new FlowGroup[groups];
        for (var i = 0; i < groups; i++)
        {
            var count = hosts > 1 ? hosts * (1 + _random.Below(2)) : 1 + _random.Below(most / groups);
            flows[i] = new FlowGroup
            {
                Count = count,
                Start = Chance(0.15) ? _random.Uniform(0, 3) : 0,
                Stop = Chance(0.1) ? _random.Uniform(4, _duration) : 1e9,
                Limit = Chance(0.1) ? MakeLimit() : new FlowLimit(),
                Workload = MakeWorkload(isBig, count * groups / hosts),
            };
        }

        return flows;
    }

    private FlowLimit MakeLimit() => Chance(0.6)
        ? new FlowLimit { Sup = CapacityProfile.Always(_supLink * _random.Uniform(0.1, 0.8)) }
        : new FlowLimit { Sout = CapacityProfile.Always(_soutLink * _random.Uniform(0.1, 0.8)) };

    /// <param name="isBig">Whether its messages are simulated one by one.</param>
    /// <param name="flows">How many flows a host has, roughly.</param>
    private Workload MakeWorkload(bool isBig, int flows)
    {
        var both = _soutLink + _supLink;
        var message = isBig ? BigMessage(both * TwoRails.Gbps / flows) : 524288;
        var kind = _random.NextDouble();
        if (kind < 0.35)
        {
            return new Workload { Kind = WorkloadKind.Stream, MessageBytes = message };
        }

        if (isBig || kind < 0.75)
        {
            // A training step: some milliseconds of both rails' work, then some of computing.
            var bytes = both * TwoRails.Gbps * Logarithmic(0.01, 0.6) / flows;
            var compute = Logarithmic(5, 400);
            return new Workload
            {
                Kind = WorkloadKind.Burst,
                MessageBytes = message,
                BurstBytes = Chance(0.4) ? [bytes * 0.5, bytes * 1.5] : [bytes],
                ComputeMilliseconds = [compute * _random.Uniform(0.3, 1), compute],
            };
        }

        return new Workload { Kind = WorkloadKind.Openloop, MessageBytes = message, OfferedGbps = Offered(both / flows) };
    }

    /// <summary>Several windows of messages must fit into a run many times over, or what is counted is how many were complete at its end.</summary>
    private double BigMessage(double rate)
    {
        var size = Workload.BigMessage * Math.Pow(2, _random.Below(LargestMessageDoublings + 1));
        while (size > Workload.BigMessage && size > 0.01 * rate)
        {
            size /= 2;
        }

        return size;
    }

    private CapacityProfile Offered(double fair) => _random.Below(4) switch
    {
        0 => CapacityProfile.Always(fair * _random.Uniform(0.1, 1.3)),
        <= 2 => new CapacityProfile.Steps(Points(1 + _random.Below(4), () => fair * _random.Uniform(0.05, 1.4))),
        _ => new CapacityProfile.Walk(Logarithmic(0.02, 1), fair * 0.1, fair * _random.Uniform(0.5, 1.3), NextWalk()),
    };

    private Sampling MakeSampling() => new()
    {
        PeriodMilliseconds = Chance(0.8) ? 5 : _random.Choice<double>([2, 10]),
        PeriodJitter = _random.Choice<double>([0, 0.1, 0.2, 0.5]),
        StampNoiseMicroseconds = _random.Choice<double>([0, 10, 30, 30, 100]),
        RateNoise = _random.Choice<double>([0, 0.005, 0.01, 0.01, 0.02, 0.05]),
        RefreshMilliseconds = Chance(0.06) ? 10 : 0,
        Missing = Chance(0.06) ? [Window(0.3)] : [],
        Resets = Chance(0.06) ? [new RailMoment(_random.Uniform(1, _duration), _random.Below(2))] : [],
    };

    private RailWindow Window(double longest)
    {
        var start = _random.Uniform(0.5, _duration - 1);
        return new RailWindow(start, start + _random.Uniform(0.01, longest), _random.Below(2));
    }

    private int NextWalk() => (_number * 10) + _walks++;

    private bool Chance(double probability) => _random.NextDouble() < probability;

    /// <summary>Between two values, every doubling as likely as any other.</summary>
    private double Logarithmic(double low, double high) => low * Math.Pow(high / low, _random.NextDouble());
}
