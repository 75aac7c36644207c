using System.Runtime.InteropServices;

namespace MpibAgent.Policy;

/// <summary>
/// Finds the SUP share at which both rails are full, from their rates alone. It holds a share and watches the goodput; it tries a share a step
/// away, and what the two rates do tells whether the step was for the better, and if the optimum lies inside the step, where (doc/policies.md has
/// the equations and the reason of every constant).
/// </summary>
internal sealed class LineSearch
{
    // Steps, in log odds.
    private const double SmallestStep = 0.06, LargestStep = 2.5, BigStep = 0.3, FirstEventStep = 0.25;

    // Samples between two probes of one direction, and for one whose rail is at its line rate already.
    private const double ShortestPause = 8, LongestPause = 40, LongestPauseAtLineRate = 150;
    private const double LongestSeconds = 1.5, LongestSecondsAtLineRate = 4;
    private const double LineRate = 0.93;

    /// <summary>The part of the goodput that probes may cost.</summary>
    private const double ProbeBudget = 0.006;

    private const double Deviation = 0.08;
    /// <summary>In shorter bursts the ends make a rail look restless.</summary>
    private const int LongBurst = 50;
    private const int LongestTrial = 45, LongestDrain = 30;
    private const double IdleUntilWake = 2;

    private readonly Random _random;
    private readonly double _period;
    private ShareGrid _grid;
    private double _soutLink, _supLink;

    // The share held, its rates, and the state of the watch over them.
    private double _held;
    private Rates? _base;
    private double? _expected;
    private double _noise = 0.02;
    private double? _lastSum;
    private readonly List<Rates> _deviant = [];
    private int _low, _high, _baseTries;

    // The trial that is running, if one is.
    private bool _isTrying;
    private double _trial;
    private int _direction;
    private double _step, _firstStep;
    private bool _isEvent, _bothTried;
    private int _stepsTaken, _trialAge;
    private double _followed;
    private readonly List<Rates> _measured = [];

    // Time here is seconds of traffic, not of the clock: nothing decays while nothing moves.
    private double _active, _interval;
    private int _settling;
    private double _trialLength = 3;
    private readonly double[] _pause = [ShortestPause, ShortestPause], _due = [0, 0], _loss = [0.03, 0.03];
    private readonly Queue<int> _quick = new();
    private double _backoff = 0.05, _lastEvent = -9;
    private double _tokens = 4, _tokensAt;
    private double _soutCapacity, _supCapacity;
    private bool _wake = true;

    // The samples' intake.
    private bool _wasBusy;
    private int _burstAge;
    private double _lastBusy = double.NaN;
    private Rates? _heldBack;
    private double? _lastIntake;
    private Rates? _last;
    private double _soutUnrest, _supUnrest;
    private int _restlessRail, _restless;
    private double _restlessStep, _lastRestless = -9;

    public LineSearch(double start, TimeSpan period, Random random)
    {
        _random = random;
        _period = _interval = period.TotalSeconds;
        _held = start;
    }

    /// <summary>The shares that can be had; they change with the number of flows.</summary>
    public ShareGrid Grid
    {
        get => _grid;
        set
        {
            _grid = value;
            if (_isTrying || value.Best(_held) != _held)
            {
                Hold(value.Best(_held), null);
            }
        }
    }

    /// <summary>The line rates in bytes per second; they bound the search and tell traffic from noise.</summary>
    public void SetLinks(double sout, double sup)
    {
        _soutLink = _soutCapacity = sout;
        _supLink = _supCapacity = sup;
        _wake = true;
    }

    /// <summary>The share to be written now.</summary>
    public double Share => _isTrying ? _trial : _held;

    /// <summary>What was decided last.</summary>
    public string Reason { get; private set; } = "starting";

    /// <summary>Which way congestion signals point: 1 when SOUT is the more congested, so that SUP should get more, -1 the other way, 0 unknown.</summary>
    public int Hint { get; set; }

    /// <summary>Something else has the say over the share for now; what was known of the rates is void.</summary>
    public void Interrupt()
    {
        Hold(_held, null);
        _wasBusy = false;
        _wake = true;
        _heldBack = null;
        _lastIntake = null;
    }

    /// <summary>Takes the next sample in.</summary>
    public void Sample(double now, in Rates rates)
    {
        var isBusy = rates.Sum > 0.005 * (_soutLink + _supLink);
        var isInside = isBusy && _wasBusy;
        _wasBusy = isBusy;
        _burstAge = isInside ? _burstAge + 1 : 0;
        if (!isInside)
        {
            _heldBack = null;
            _lastIntake = null;
            _last = null;
            return;
        }

        _wake |= now - _lastBusy > IdleUntilWake;
        _lastBusy = now;
        if (_heldBack is { } before)
        {
            _heldBack = null;
            TakeIn(before);
        }

        if (rates.Sum < 0.9 * _lastIntake)
        {
            // The end of a burst looks so, too: only the next sample tells.
            _heldBack = rates;
        }
        else
        {
            TakeIn(rates);
        }

        _lastIntake = rates.Sum;
    }

    private void TakeIn(in Rates x)
    {
        _active += x.Seconds;
        _interval += 0.05 * (Math.Min(x.Seconds, 20 * _period) - _interval);
        WatchUnrest(x);
        if (_settling > 0)
        {
            _settling--;
            return;
        }

        if (_restless >= 4 && _burstAge > LongBurst && !_isTrying && _base is not null && _active - _lastRestless > 1 && MayStartEvent)
        {
            _lastRestless = _active;
            _restless = 0;
            StartEvent(_restlessRail == 1 ? 1 : -1, BigStep);
            return;
        }

        if (_restless >= 10 && _held is > 0 and < 1 && _grid.IsFine)
        {
            _restless = 0;
            var d = _restlessRail == 1 ? 1 : -1;
            _restlessStep = Math.Sign(_restlessStep) == d ? d * Math.Min(0.4, 2 * Math.Abs(_restlessStep)) : d * 0.1;
            Hold(_grid.Best(Odds.ToShare(Math.Clamp(Odds.Of(_held) + _restlessStep, -6, 6))), null);
            return;
        }

        if (_isTrying && ++_trialAge > LongestTrial)
        {
            Hold(_held, null);
            return;
        }

        if (Share is >= 0.05 and <= 0.95)
        {
            var odds = Share / (1 - Share);
            if ((x.Sout < 0.01 * _soutLink && 4 * odds * x.Sout < x.Sup) || (x.Sup < 0.01 * _supLink && 4 * x.Sup < odds * x.Sout))
            {
                // One rail drains alone: the tail of a burst.
                return;
            }
        }

        if (_isTrying)
        {
            Measure(x);
        }
        else
        {
            Watch(x);
        }
    }

    /// <summary>A full rail sends at a constant rate; one that waits for it, with big messages, in bursts.</summary>
    private void WatchUnrest(in Rates x)
    {
        if (_last is { } last && _settling == 0)
        {
            _soutUnrest += 0.1 * (Unrest(x.Sout, last.Sout) - _soutUnrest);
            _supUnrest += 0.1 * (Unrest(x.Sup, last.Sup) - _supUnrest);
            var rail = _soutUnrest < _supUnrest ? 1 : 0;
            var (calm, restless) = rail == 1 ? (_soutUnrest, _supUnrest) : (_supUnrest, _soutUnrest);
            _restless = restless > 0.12 && calm < 0.35 * restless ? (_restlessRail == rail ? _restless + 1 : 1) : 0;
            _restlessRail = rail;
        }

        _last = x;
    }

    private static double Unrest(double now, double before) =>
        now + before > 0 ? Math.Min(1, 2 * Math.Abs(now - before) / (now + before)) : 0;

    private void Watch(in Rates x)
    {
        if (_base is not { } was)
        {
            TakeBase(x);
            return;
        }

        var change = (x.Sum / was.Sum) - 1;
        if (Math.Abs(change) > Math.Max(Deviation, 3 * _noise))
        {
            (_low, _high) = change < 0 ? (_low + 1, 0) : (0, _high + 1);
            _deviant.Add(x);
        }
        else
        {
            _low = _high = 0;
            _deviant.Clear();
            was = new Rates(x.Seconds, was.Sout + (0.2 * (x.Sout - was.Sout)), was.Sup + (0.2 * (x.Sup - was.Sup)));
            _base = was;
        }

        if (_lastSum is { } lastSum)
        {
            _noise += 0.05 * (Math.Min(Math.Abs((x.Sum / lastSum) - 1) * 0.89, (3 * _noise) + 0.005) - _noise);
        }

        _lastSum = x.Sum;
        if (Math.Max(_low, _high) >= 2)
        {
            Changed(was);
            return;
        }

        Probe(x);
    }

    private void TakeBase(in Rates x)
    {
        _deviant.Add(x);
        if (_deviant.Count < 2)
        {
            return;
        }

        if (Math.Abs((_deviant[0].Sum / _deviant[1].Sum) - 1) > Math.Max(0.1, 3 * _noise) && ++_baseTries < 4)
        {
            _deviant.RemoveAt(0);
            return;
        }

        _baseTries = 0;
        var now = Mean(_deviant, 2);
        _base = now;
        _deviant.Clear();
        if (_wake)
        {
            _wake = false;
            Queue(1);
            Refresh();
            _expected = null;
        }

        if (_expected is { } expected && now.Sum < 0.85 * expected)
        {
            _expected = null;
            StartEvent(Hint, Math.Clamp(1.05 * Math.Log(expected / now.Sum), FirstEventStep, LargestStep));
        }

        _expected = null;
    }

    /// <summary>Two samples in a row are off on the same side: the network has changed, or the job has.</summary>
    private void Changed(in Rates was)
    {
        var (a, b) = (_deviant[^2], _deviant[^1]);
        var agree = Math.Abs((a.Sum / b.Sum) - 1) < Math.Max(0.1, 3 * _noise);
        if (!agree && Math.Max(_low, _high) < 4)
        {
            return;
        }

        var isDrop = _low >= 2;
        var now = agree ? Mean(_deviant, 2) : b;
        var drop = Math.Log(was.Sum / Math.Max(now.Sum, 1));
        _base = now;
        _low = _high = 0;
        _deviant.Clear();

        if (_active - _lastEvent < _backoff)
        {
            return;
        }

        // A rail that has lost a part k of its rate takes the goodput down by as much: the step back to the optimum has that very size.
        StartEvent(Hint, isDrop ? Math.Clamp(1.05 * drop, FirstEventStep, LargestStep) : FirstEventStep);
    }

    private bool MayStartEvent
    {
        get
        {
            _tokens = Math.Min(4, _tokens + (6 * (_active - _tokensAt)));
            _tokensAt = _active;
            return _tokens >= 1 && _active - _lastEvent >= _backoff;
        }
    }

    private double OffProportion(in Rates x) => Math.Log((x.Sup + 1e3) / (x.Sout + 1e3)) - Odds.Of(_held);

    private void Probe(in Rates x)
    {
        if (_restless >= 3 && _grid.IsFine)
        {
            return;
        }

        var step = Math.Clamp(3 * _noise, SmallestStep, 0.2);
        if (_quick.TryDequeue(out var direction))
        {
            step *= 2;
        }
        else
        {
            var (up, down) = (_due[1], _due[0]);
            direction = Math.Min(up, down) > _active ? 0 : up <= down ? 1 : -1;
        }

        if (direction != 0)
        {
            var hasRoom = direction > 0 ? x.Sup < LineRate * _supLink : x.Sout < LineRate * _soutLink;
            var i = Side(direction);
            _pause[i] = Math.Min(hasRoom ? LongestPause : LongestPauseAtLineRate, 1.5 * _pause[i]);
            Reschedule(direction);
            _bothTried = true;
            _stepsTaken = 0;
            if (Start(direction, step, isEvent: false))
            {
                Reason = FormattableString.Invariant($"probe {(_trial - _held) * 100:+0.0;-0.0}%");
            }
        }
    }

    private bool StartEvent(int direction, double step)
    {
        _tokens = Math.Min(4, _tokens + (6 * (_active - _tokensAt)));
        _tokensAt = _active;
        if (_tokens < 1)
        {
            return false;
        }

        _tokens--;
        direction = direction != 0 ? direction : _random.Next(2) == 0 ? 1 : -1;
        _lastEvent = _active;
        _bothTried = false;
        _stepsTaken = 0;
        _firstStep = step;
        Refresh();
        Reason = "the rates changed";
        if (!Start(direction, step, isEvent: true))
        {
            _bothTried = true;
            Start(-direction, step, isEvent: true);
        }

        return true;
    }

    private bool Start(int direction, double step, bool isEvent)
    {
        var odds = Odds.Of(_held);
        var trial = direction > 0 ? _grid.Above(_held, odds + step) : _grid.Below(_held, odds - step);
        if (Math.Abs(trial - _held) < 1e-9)
        {
            return false;
        }

        _direction = direction;
        _step = Math.Min(8, Math.Abs(Odds.Of(trial) - odds));
        _isEvent = isEvent;
        _trial = trial;
        _isTrying = true;
        _measured.Clear();
        _followed = double.NaN;
        _settling = 1;
        _trialAge = 0;
        return true;
    }

    private void Measure(in Rates x)
    {
        if (_base is { } lost && x.Sum < 0.3 * lost.Sum * Math.Exp(-_step))
        {
            // No step costs so much: the network has changed, and this trial tells nothing.
            Hold(_held, null);
            _expected = lost.Sum;
            return;
        }

        _measured.Add(x);
        var needed = _step >= BigStep && _noise < 0.05 ? 1 : Math.Clamp((int)(2 * Math.Pow(_noise / 0.025, 2)), 2, 8);
        if (_measured.Count < needed || _base is not { } was)
        {
            return;
        }

        // What was under way when the share changed may still be: as long as the proportion goes on towards the new one, wait.
        var mean = Mean(_measured, needed);
        var followed = Followed(was, mean);
        var isMoving = !(followed < _followed + 0.1);
        var (growing, capacity) = _direction > 0 ? (mean.Sup, _supCapacity) : (mean.Sout, _soutCapacity);
        if (followed is > 0.2 and < 0.75 && (isMoving || (_step >= BigStep && growing < 0.8 * capacity && _trialAge < LongestDrain)))
        {
            _followed = Math.Max(followed, double.IsNaN(_followed) ? followed : _followed);
            return;
        }

        Decide(was, mean);
    }

    /// <summary>How far the proportion of the rates has followed the step: 1 when all the way.</summary>
    private double Followed(in Rates b, in Rates a) =>
        _trial is > 0 and < 1 && _held is > 0 and < 1 ? _direction * Math.Log((a.Sup + 1) * (b.Sout + 1) / ((a.Sout + 1) * (b.Sup + 1))) / _step : 1;

    private void Decide(in Rates b, in Rates a)
    {
        var (d, from, to) = (_direction, Odds.Of(_held), Odds.Of(_trial));
        double f, followed = 1;
        if (_trial is <= 0 or >= 1 || _held is <= 0 or >= 1 || Math.Min(Math.Min(a.Sout, a.Sup), Math.Min(b.Sout, b.Sup)) < 1e6)
        {
            if (!TryJudgeEnd(a, b, out f, out followed))
            {
                return;
            }
        }
        else
        {
            var g = Math.Abs(to - from);
            var p0 = Math.Max(0, d * Math.Log(b.Sout / a.Sout));
            var s1 = Math.Max(0, d * Math.Log(a.Sup / b.Sup));
            var rise = d > 0 ? Math.Log(a.Sout / b.Sout) : Math.Log(a.Sup / b.Sup);
            var margin1 = Math.Max(Math.Max(0.04, 3 * _noise), 0.1 * g);
            if (rise > margin1)
            {
                // The rail that gets less sends more, or more is lost than the step can cost: the demand or the network changed meanwhile.
                Hold(_held, null);
                _due[Side(d)] = _active;
                return;
            }

            followed = (p0 + s1) / g;
            f = p0 + s1 > 1e-9 ? (d > 0 ? s1 : p0) / (p0 + s1) : 0.5;
            _trialLength += 0.3 * (_measured.Count + 1 - _trialLength);
            if (followed < 0.35)
            {
                NotFollowed(a, b, g);
                return;
            }
        }

        var margin = Math.Clamp(4 * _noise / Math.Max(_step, 0.01), 0.03, 0.15);
        if (f >= 1 - margin && followed < 0.75)
        {
            f = Math.Max(margin + 0.01, followed);
        }

        if (f >= 1 - margin)
        {
            GoOn(a);
        }
        else if (f > margin)
        {
            TakeInside(a, b, f, from, to);
        }
        else
        {
            Reject(b, a);
        }
    }

    /// <summary>At an end share one rail's rate says nothing; more goodput is what counts. False when all is decided already.</summary>
    private bool TryJudgeEnd(in Rates a, in Rates b, out double f, out double followed)
    {
        var (now, was) = ((a.Sup + 1) / (a.Sout + 1), (b.Sup + 1) / (b.Sout + 1));
        var odds = _trial < 1 ? _trial / (1 - _trial) : 1e9;
        followed = _trial <= 0 ? 1 - (now / was) : _trial >= 1 ? 1 - (was / now) : _held <= 0 ? now / odds : odds / now;
        f = a.Sum > b.Sum * (1 + Math.Max(0.01, 2 * _noise)) ? 1 : 0;
        if (followed >= 0.35)
        {
            return true;
        }

        if (_held is > 0 and < 1 && Math.Abs(OffProportion(b)) > 0.25)
        {
            TakeAsCapacities(a, b);
        }
        else
        {
            Reject(b, a);
        }

        return false;
    }

    private void NotFollowed(in Rates a, in Rates b, double g)
    {
        var off = OffProportion(b);
        if (Math.Abs(off) <= 0.25)
        {
            Reject(b, a);
        }
        else if (g < 0.5 && Start(Math.Sign(off), 0.8, isEvent: true))
        {
            // A bigger step makes sure.
            _bothTried = true;
        }
        else
        {
            TakeAsCapacities(a, b);
        }
    }

    private void TakeAsCapacities(in Rates a, in Rates b)
    {
        var odds = Odds.Of(_held);
        var full = Math.Log((a.Sup + b.Sup + 1) / (a.Sout + b.Sout + 1));
        Accept(_grid.Best(Odds.ToShare(Math.Clamp(full, odds - 2.5, odds + 2.5))), null);
        Refresh();
    }

    /// <summary>The whole step was for the better: keep it, and try the next in the same direction.</summary>
    private void GoOn(in Rates a)
    {
        var d = _direction;
        _stepsTaken++;
        _backoff = 0.05;
        var (limited, growing) = d > 0 ? (a.Sout, a.Sup) : (a.Sup, a.Sout);
        var capacity = _stepsTaken >= 2 ? (d > 0 ? _supLink : _soutLink) : Math.Max(d > 0 ? _supCapacity : _soutCapacity, growing);
        var distance = limited > 1e6 ? Math.Abs(Math.Log(capacity / limited) - (d * Odds.Of(_trial))) : 0;
        Accept(_trial, a);
        Refresh();
        Queue(d);
        var step = _noise < 0.04 || _isEvent ? Math.Max(2 * _step, 1.05 * distance) : 2 * _step;

        // No further than where the growing rail is at its line rate.
        var line = Math.Max(d > 0 ? _supLink : _soutLink, growing);
        step = Math.Min(step, Math.Max(SmallestStep, 1.05 * (Math.Log(line / Math.Max(limited, 1e6)) - (d * Odds.Of(_trial)))));
        if (Start(d, Math.Min(LargestStep, step), _isEvent))
        {
            _bothTried = true;
        }
    }

    /// <summary>The optimum lies inside the step, at the part <paramref name="f"/> of it.</summary>
    private void TakeInside(in Rates a, in Rates b, double f, double from, double to)
    {
        var d = _direction;
        if (Math.Abs(Math.Log(a.Sum / b.Sum)) < 0.1 * _step && Math.Abs(f - 0.5) > 0.05)
        {
            // No more and no less came through: the job has no more to send, and the rates tell nothing of the rails.
            Reject(b, a);
            return;
        }

        var spread = 2 * _noise / (Math.Sqrt(_measured.Count) * Math.Max(_step, 0.01));
        var odds = from + (f * (to - from) / (1 + Math.Pow(spread / 0.25, 2)));
        var share = _grid.Best(Odds.ToShare(odds));
        var (high, low) = d > 0 ? (a, b) : (b, a);
        (_soutCapacity, _supCapacity) = (low.Sout, high.Sup);
        if (share == _held)
        {
            Reject(b, a);
            return;
        }

        _backoff = 0.05;
        if (Math.Abs(odds - from) > 0.03)
        {
            Refresh();
        }

        if (Math.Abs(odds - from) > 0.1)
        {
            Queue(d);
        }

        Accept(share, null);
        _expected = Math.Max(a.Sum, b.Sum);
    }

    private void Reject(in Rates b, in Rates a)
    {
        var (isEvent, step, d) = (_isEvent, _firstStep, _direction);
        if (b.Sum > 0)
        {
            _loss[Side(d)] += 0.5 * (Math.Max(0, 1 - (a.Sum / b.Sum)) - _loss[Side(d)]);
        }

        Hold(_held, b);
        Reschedule(d);
        if (isEvent && _stepsTaken == 0)
        {
            if (!_bothTried)
            {
                _bothTried = true;
                if (Start(-d, step, isEvent: true))
                {
                    return;
                }
            }

            _backoff = Math.Min(1, 2 * _backoff);
        }
    }

    private void Accept(double share, Rates? rates)
    {
        if (share != _held)
        {
            Reason = FormattableString.Invariant($"accepted {_held:0.000} to {share:0.000}");
        }

        Hold(share, rates);
    }

    private void Hold(double share, Rates? rates)
    {
        _held = share;
        _base = rates;
        _low = _high = 0;
        _deviant.Clear();
        _isTrying = false;
        _settling = 1;
        _lastSum = null;
    }

    private void Reschedule(int direction)
    {
        var i = Side(direction);
        var samples = Math.Max(Math.Max(_pause[i], (_noise < 0.04 ? 5 : 8) * _trialLength), _trialLength * _loss[i] / ProbeBudget);
        var seconds = Math.Min(samples * _interval, _pause[i] > LongestPause ? LongestSecondsAtLineRate : LongestSeconds);
        _due[i] = _active + (seconds * (0.8 + (0.4 * _random.NextDouble())));
    }

    /// <summary>Something has moved: probe again as often as at the start.</summary>
    private void Refresh()
    {
        for (var i = 0; i < 2; i++)
        {
            _pause[i] = ShortestPause;
            _loss[i] = 0.03;
            Reschedule(i == 1 ? 1 : -1);
        }
    }

    private void Queue(int first)
    {
        _quick.Clear();
        _quick.Enqueue(first);
        _quick.Enqueue(-first);
    }

    private static int Side(int direction) => direction > 0 ? 1 : 0;

    private static Rates Mean(List<Rates> samples, int count)
    {
        double seconds = 0, sout = 0, sup = 0;
        foreach (ref readonly var sample in CollectionsMarshal.AsSpan(samples)[^count..])
        {
            seconds += sample.Seconds;
            sout += sample.Sout;
            sup += sample.Sup;
        }

        return new Rates(seconds / count, sout / count, sup / count);
    }
}
