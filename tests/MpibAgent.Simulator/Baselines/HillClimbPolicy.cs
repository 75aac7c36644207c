using MpibAgent.Policy;

namespace MpibAgent.Simulator.Baselines;

/// <summary>
/// The simplest policy that measures: always steps, and turns round when the goodput of three samples is below that of the three before. What is
/// cleverer has to beat it.
/// </summary>
internal sealed class HillClimbPolicy : ISplitPolicy
{
    /// <summary>Log odds.</summary>
    private const double Step = 0.12;

    /// <summary>Log odds; the share stays within 0.25 % and 99.75 %.</summary>
    private const double Limit = 6;

    private const int SamplesPerStep = 3;

    private readonly SimulatedHost _host;
    private readonly ShareScale _scale;
    private readonly RateMeter _meter = new();
    private readonly RailGuard _guard = new();
    private readonly double _linkRates;
    private double _logOdds;
    private int _direction = 1;
    private double? _before;
    private int _samples;
    private double _sum;
    private bool _isBusy;
    private bool _wasActive;

    public HillClimbPolicy(SimulatedHost host)
    {
        _host = host;
        _scale = host.Encoding == Interface.HintEncoding.Multiplier ? ShareScale.Multiplier : ShareScale.Ppm1024;
        _linkRates = host.SoutLinkRate + host.SupLinkRate;
        var start = _scale.Best(host.SupLinkRate / _linkRates);
        _logOdds = start <= 0 ? -50 : start >= 1 ? 50 : Math.Log(start / (1 - start));
    }

    public string Name => "hill";

    public TimeSpan? Period => _host.Period;

    public string Reason => "hill climb";

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
    {
        var rates = _meter.Feed(seen);
        if (rates is { } busy)
        {
            _isBusy = busy.Total >= 0.003 * _linkRates;
        }

        var forced = _guard.Step(seen, paths, _isBusy);
        Climb(rates);
        shares.Fill(forced ?? _scale.Best(1 / (1 + Math.Exp(-_logOdds))));
    }

    private void Climb(RateMeter.Rates? rates)
    {
        // A sample counts only within a busy phase: at its edges a part of the period is idle.
        var wasActive = _wasActive;
        _wasActive = rates is { } now && now.Total > 0.005 * _linkRates;
        if (!wasActive || !_wasActive)
        {
            return;
        }

        // The first sample after a step is still of both sides of it.
        if (++_samples > 1)
        {
            _sum += rates!.Value.Total;
        }

        if (_samples < SamplesPerStep)
        {
            return;
        }

        var goodput = _sum / (SamplesPerStep - 1);
        (_samples, _sum) = (0, 0);
        if (goodput < _before)
        {
            _direction = -_direction;
        }

        _before = goodput;
        _logOdds = Math.Clamp(_logOdds + (_direction * Step), -Limit, Limit);
    }
}
