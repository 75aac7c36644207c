using MpibAgent.Policy;

namespace MpibAgent.Simulator;

/// <summary>
/// One run of a scenario: in every step the rails' capacities are shared out among the flows, and each host's policy sees its counters when its
/// sampling period is over. Without a policy the splits are the best ones at every moment: the optimum that policies are measured against. Not for
/// several threads; a run allocates nothing once it is made.
/// </summary>
internal sealed partial class Simulation
{
    private const double LogInterval = 0.002;
    private const double NoiseInterval = 0.001;

    private readonly Scenario _scenario;
    private readonly ShareScale _scale;
    private readonly bool _isOptimum;
    private readonly PythonRandom _random;
    private readonly double _step;
    private readonly RailModel[] _rails;
    private readonly HostState[] _hosts;
    private readonly FlowState[] _flows;
    private readonly bool _hasBigMessages;

    // The state of this step, by rail; rates in bytes per second.
    private readonly RailState[] _state = new RailState[2];
    private readonly double[] _noise = [1, 1];
    private readonly double[] _path = new double[2];
    private readonly double[] _noisyPath = new double[2];
    private readonly double[] _nic = new double[2];
    private readonly double[] _hostCross = new double[2];

    private Simulation(Scenario scenario, int seed, ShareScale scale, TimeSpan? period, Func<SimulatedHost, ISplitPolicy>? makePolicy)
    {
        _scenario = scenario;
        _scale = scale;
        _isOptimum = makePolicy is null;
        _random = new PythonRandom((1000L * seed) + scenario.Seed);
        _step = scenario.StepMilliseconds / 1000.0;
        _rails = [new RailModel(scenario.Rails.Sout), new RailModel(scenario.Rails.Sup)];
        _flows = [.. MakeFlows(scenario, seed)];
        _hasBigMessages = _flows.Any(flow => flow.MessageBytes >= Workload.BigMessage);
        _active = new FlowState[_flows.Length];
        _maxMin = new MaxMinShare(_flows.Length, scenario.Hosts, scenario.SharedPath);
        _budgets = new double[2 * scenario.Hosts];
        _telemetryGain = 1 - Math.Exp(-_step / TelemetryTime);
        Period = period ?? TimeSpan.FromMilliseconds(scenario.Sampling.PeriodMilliseconds);
        Log = new RunLog(StepCount + 1);
        _hosts = MakeHosts(makePolicy);
    }

    /// <summary>Seconds between two samples, as far as the policy does not choose otherwise.</summary>
    public TimeSpan Period { get; }

    public RunLog Log { get; }

    public ReadOnlySpan<FlowState> Flows => _flows;

    /// <summary>Gb/s that all flows delivered, over the whole run.</summary>
    public double GoodputGbps => Delivered / _scenario.Duration / TwoRails.Gbps;

    private double Delivered
    {
        get
        {
            var delivered = 0.0;
            foreach (var flow in _flows)
            {
                delivered += flow.Delivered;
            }

            return delivered;
        }
    }

    private int StepCount => (int)(_scenario.Duration / _step);

    private double PathPerHost(int rail) => _scenario.SharedPath ? _path[rail] / _hosts.Length : _path[rail];

    /// <summary>Runs a scenario with a policy on every host.</summary>
    /// <param name="scenario">What happens.</param>
    /// <param name="seed">Of everything drawn by chance.</param>
    /// <param name="scale">How shares are written.</param>
    /// <param name="makePolicy">Called once for each host.</param>
    /// <param name="period">Instead of the scenario's sampling period.</param>
    public static Simulation Run(
        Scenario scenario, int seed, ShareScale scale, Func<SimulatedHost, ISplitPolicy> makePolicy, TimeSpan? period = null)
    {
        var simulation = new Simulation(scenario, seed, scale, period, makePolicy);
        simulation.Run();
        return simulation;
    }

    /// <summary>Runs a scenario with the best shares that a scale has at every moment.</summary>
    public static Simulation RunOptimum(Scenario scenario, int seed, ShareScale scale)
    {
        var simulation = new Simulation(scenario, seed, scale, period: null, makePolicy: null);
        simulation.Run();
        return simulation;
    }

    private static IEnumerable<FlowState> MakeFlows(Scenario scenario, int seed)
    {
        var id = 0;
        foreach (var group in scenario.Flows)
        {
            for (var i = 0; i < group.Count; i++, id++)
            {
                yield return new FlowState(id, group.Host ?? (id % scenario.Hosts), group, (77 * id) + scenario.Seed + (13 * seed));
            }
        }
    }

    private HostState[] MakeHosts(Func<SimulatedHost, ISplitPolicy>? makePolicy)
    {
        // The order of the draws is part of the rules: all first samples, then all seeds.
        var hosts = new HostState[_scenario.Hosts];
        var firstSamples = new double[hosts.Length];
        for (var i = 0; i < hosts.Length; i++)
        {
            firstSamples[i] = _random.Uniform(0, Period.TotalSeconds);
        }

        for (var i = 0; i < hosts.Length; i++)
        {
            FlowState[] flows = [.. _flows.Where(flow => flow.Host == i)];
            var told = new SimulatedHost(
                _rails[TwoRails.Sout].LinkRate, _rails[TwoRails.Sup].LinkRate, _scale.Encoding(), Period, _random.Below(1 << 30), flows.Length);
            hosts[i] = new HostState
            {
                Index = i,
                Flows = flows,
                Policy = makePolicy?.Invoke(told),
                ResetsDone = new bool[_scenario.Sampling.Resets.Length],
                Paths = new PathLevels[flows.Length],
                Shares = new double[flows.Length],
                NextSample = firstSamples[i],
            };
        }

        return hosts;
    }

    private void Run()
    {
        var steps = StepCount;
        var logSteps = Math.Max(1, (int)(LogInterval / _step));
        var noiseSteps = Math.Max(1, (int)(NoiseInterval / _step));
        for (var step = 0; step < steps; step++)
        {
            var time = step * _step;
            SetCapacities(time, drawsNoise: _scenario.Sampling.RateNoise > 0 && step % noiseSteps == 0);
            if (_isOptimum)
            {
                SetBestShares(time);
            }

            if (_hasBigMessages)
            {
                SendBigMessages(time);
            }
            else
            {
                SendSmallMessages(time);
            }

            CountHostCross();
            StepSignals(time);
            Sample(time + _step);
            if (step % logSteps == 0)
            {
                AddToLog(time + _step);
            }
        }
    }

    private void SetCapacities(double time, bool drawsNoise)
    {
        for (var rail = 0; rail < 2; rail++)
        {
            if (drawsNoise)
            {
                _noise[rail] = Math.Max(0.2, 1 + _random.Gauss(0, _scenario.Sampling.RateNoise));
            }

            var before = _state[rail];
            _state[rail] = _rails[rail].State(time);
            if ((before == RailState.Down) != (_state[rail] == RailState.Down))
            {
                TellLinks(time);
            }

            var isUp = _state[rail] == RailState.Up;
            _hostCross[rail] = isUp ? _rails[rail].HostCross(time) : 0;
            _path[rail] = isUp ? _rails[rail].PathRate(time) : 0;
            _noisyPath[rail] = _path[rail] * _noise[rail];
            _nic[rail] = isUp ? Math.Max(0, (_rails[rail].LinkRate * _noise[rail]) - _hostCross[rail]) : 0;
        }
    }

    private void SetBestShares(double time)
    {
        foreach (var flow in _flows)
        {
            var sout = Available(TwoRails.Sout, flow, time);
            var sup = Available(TwoRails.Sup, flow, time);
            flow.Share = _scale.Best(sout + sup > 0 ? sup / (sout + sup) : 0.5);
        }
    }

    /// <summary>Bytes per second that a flow alone would get of a rail.</summary>
    private double Available(int rail, FlowState flow, double time)
        => Math.Min(Math.Min(_nic[rail], PathPerHost(rail)), flow.Limits[rail].At(time) * TwoRails.Gbps);

    private void CountHostCross()
    {
        foreach (var host in _hosts)
        {
            host.TxBytes[TwoRails.Sout] += _hostCross[TwoRails.Sout] * _step;
            host.TxBytes[TwoRails.Sup] += _hostCross[TwoRails.Sup] * _step;
        }
    }

    private void AddToLog(double time)
    {
        var sent = _hosts[0].FlowBytes;
        Log.Add(new RunLog.Entry(
            time,
            _flows[0].Share,
            Math.Min(_nic[TwoRails.Sout], PathPerHost(TwoRails.Sout)),
            Math.Min(_nic[TwoRails.Sup], PathPerHost(TwoRails.Sup)),
            sent[TwoRails.Sout],
            sent[TwoRails.Sup]));
    }
}
