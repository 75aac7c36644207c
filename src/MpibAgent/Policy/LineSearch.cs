using System.Runtime.InteropServices;

namespace MpibAgent.Policy;

/// <summary>
/// Finds the SUP share at which both rails are full, from their rates alone. It holds a share and watches the goodput; it tries a share a step
/// away, and what the two rates do tells whether the step was for the better, and if the optimum lies inside the step, where (doc/policies.md has
/// the equations and the reason of every constant).
/// </summary>
internal sealed partial class LineSearch
{
    // Steps, in log odds.
    private const double LargestOdds = 7;
    private const double SmallestStep = 0.06, LargestStep = 2.5, BigStep = 0.3, FirstEventStep = 0.25, LargestMessageProbe = 0.3;

    /// <summary>The first step after a drop, as a part of it.</summary>
    private const double PartOfDrop = 0.7;

    // Samples between two probes of one direction, and for one whose rail is at its line rate already.
    private const double ShortestPause = 8, LongestPause = 40, LongestPauseAtLineRate = 150;
    private const double LongestSeconds = 1.5, LongestSecondsAtLineRate = 4;

    /// <summary>Seconds: with samples longer than this, those limits leave a probe due with nearly every one.</summary>
    private const double LongInterval = 0.1;
    private const double LineRate = 0.93;

    /// <summary>The part of the goodput that probes may cost.</summary>
    private const double ProbeBudget = 0.006;

    /// <summary>
    /// At an end share, where only a probe shows whether the other rail is back, it comes after so many samples whatever it costs, and each next one after so
    /// many times more, if what a drop took was worth this factor.
    /// </summary>
    private const double FirstReturn = 12, ReturnGrowth = 1.2, ReturnAfterLoss = 4, WorthReturning = 1.2;

    /// <summary>
    /// Under multiplier a trial costs up to all of the goodput: none at a share at which the links, if their rates are known, could not carry this part of what
    /// comes through; but once in so many seconds.
    /// </summary>
    private const double Hope = 0.95, AgainAfter = 10;

    /// <summary>By how much a sample must be off the base rates to count, unless noise is higher.</summary>
    private const double Deviation = 0.08;

    /// <summary>The same of a long sample, whose noise is less. It only calls for short ones.</summary>
    private const double LongDeviation = 0.03;

    /// <summary>Settled: no move of over <see cref="SettledMove"/> for so many seconds, and rates that vary by no more than these.</summary>
    private const double SettledAfter = 0.5, SettledMove = 0.05, SettledNoise = 0.02, SettledUnrest = 0.05;

    /// <summary>Of both line rates together: what is traffic. Less may be a <see cref="Trickle"/> of it, if it is near to the split.</summary>
    private const double TrafficPart = 0.005;

    /// <summary>By how much ln(SUP / SOUT) must differ from the split's for the rates not to follow it.</summary>
    private const double OffProportionBy = 0.25;

    /// <summary>By how much that must be off in the first sample after a change to say which rail has moved.</summary>
    private const double MovedFirst = 0.03;

    /// <summary>
    /// By how much one rail's rate must have changed against the other's, in odds and in parts of their unrest, and for how many samples in a row, for other
    /// traffic to have come or gone on one of them. A job's own rates go up and down together.
    /// </summary>
    private const double Lopsided = 0.3, LopsidedUnrest = 3;
    private const int LopsidedSamples = 3;

    /// <summary>Samples: in shorter bursts the ends make a rail look restless.</summary>
    private const int LongBurst = 50;

    /// <summary>What changed meanwhile voids what a trial won if it is more than this part of that.</summary>
    private const double PartOfGain = 0.3;

    /// <summary>
    /// How near to a whole big step after an event its part must be to be taken as whole: noise was learnt before the change, and a slower rail has more of
    /// it, the same packet being a larger part of its sample.
    /// </summary>
    private const double WholeAfterChange = 0.1;

    /// <summary>Rates that have gone less than this part of a step have not followed it.</summary>
    private const double LeastFollowed = 0.35;

    /// <summary>Rates that are as near as this part of a step to what the new split makes of them have followed it, whatever they were before.</summary>
    private const double GoesBySplit = 0.2;

    /// <summary>Bytes per second, but not more than a part of the slower link: below it the logarithm of a rate is chance.</summary>
    private const double MostLeastRate = 1e6, LeastRatePart = 0.0005;

    /// <summary>The share of an end share's other rail at which a trial begins, so that what it brings is more than noise.</summary>
    private const double LeastFromEnd = 0.03;

    /// <summary>Samples that a trial may take, and of them those that a big step waits for a queue to drain.</summary>
    private const int LongestTrial = 45, LongestDrain = 30;

    /// <summary>Samples: a trial that has lasted so long when traffic pauses waits for a queue that is gone by the next burst.</summary>
    private const int LongestOverPause = 8;

    /// <summary>Seconds without traffic after which it probes both ways.</summary>
    private const double IdleUntilWake = 2;

    private readonly Random _random;
    private ShareGrid _grid;
    private double _soutLink, _supLink, _leastRate = MostLeastRate;

    // What the links can carry, if their rates are known; and when a share that they rule out may be tried again.
    private double _soutMost = double.PositiveInfinity, _supMost = double.PositiveInfinity, _againAt;

    // The share held, what it was found as before the number of flows changed, its rates, and the state of the watch over them.
    private double _held, _found;
    private Rates? _base;
    private double? _expected;
    private double _noise = 0.02;
    private double? _lastSum;
    private readonly List<Rates> _deviant = [];
    private int _low, _high, _lopsided, _baseTries;

    // The trial that is running, if one is.
    private bool _isTrying;
    private double _trial;
    private int _direction;
    private double _step, _firstStep;
    private bool _isEvent, _bothTried, _hasFollowed, _isConfirming;
    private int _stepsTaken, _trialAge, _rises;
    private double _followed;
    private readonly List<Rates> _measured = [];

    // Time here is seconds of traffic, not of the clock: nothing decays while nothing moves.
    private double _active, _interval;
    private int _settling;
    private double _trialLength = 3;
    private readonly double[] _pause = [ShortestPause, ShortestPause], _due = [0, 0], _loss = [0.03, 0.03];
    private readonly Queue<int> _quick = new();
    private readonly double[] _return = [FirstReturn, FirstReturn];
    private double _backoff = 0.05, _beforeDrop, _lastEvent = -9, _eventBefore = -9;
    private double _tokens = 4, _tokensAt;
    private double _soutCapacity, _supCapacity;
    private bool _wake = true;

    // The samples' intake.
    private bool _wasBusy;
    private int _burstAge;
    private double _lastBusy = double.NaN;
    private (Rates Rates, bool IsLong)? _heldBack;
    private double? _lastIntake;
    private Rates? _last;
    private double _lastMove;
    private bool _isLong;

    public LineSearch(double start, TimeSpan period, Random random)
    {
        _random = random;
        Period = _interval = period.TotalSeconds;
        _held = _found = start;
    }

    /// <summary>The shares that can be had; they change with the number of flows.</summary>
    public ShareGrid Grid
    {
        get => _grid;
        set
        {
            _grid = value;

            // From what was found, not from what the number of flows before has made of it: rounded again and again it would wander off.
            var found = _found;
            if (value.Best(found) != _held || value.Best(Share) != Share)
            {
                Hold(value.Best(found), null);
                _found = found;
            }
        }
    }

    /// <summary>The line rates in bytes per second; they bound the search and tell traffic from noise. Of a link that is not known it is what was seen of it.</summary>
    public void SetLinks(double sout, double sup, bool isSoutKnown = true, bool isSupKnown = true)
    {
        _soutMost = isSoutKnown ? sout : double.PositiveInfinity;
        _supMost = isSupKnown ? sup : double.PositiveInfinity;
        _leastRate = Math.Clamp(LeastRatePart * Math.Min(sout, sup), 1, MostLeastRate);
        _soutLink = _soutCapacity = sout;
        _supLink = _supCapacity = sup;
        _wake = true;
    }

    /// <summary>The share to be written now.</summary>
    public double Share => _isTrying && _doubted is null ? _trial : _held;

    /// <summary>Seconds between two readings that can differ: the sampling period, or between refreshes of counters that are refreshed less often.</summary>
    public double Period
    {
        get;
        set
        {
            if (value != field)
            {
                field = _interval = value;
            }
        }
    }

    /// <summary>What was decided last.</summary>
    public string Reason { get; private set; } = "starting";

    /// <summary>Which way congestion signals point: 1 when SOUT is the more congested, so that SUP should get more, -1 the other way, 0 unknown.</summary>
    public int Hint { get; set; }

    /// <summary>Whether the share has proved itself for a while and nothing is going on, so that the next sample may be a long one.</summary>
    public bool IsSettled => !_isTrying && _base is not null && _low + _high == 0 && _heldBack is null && _quick.Count == 0 && _burstAge > LongBurst
        && _active - _lastMove > SettledAfter && _noise < SettledNoise && Math.Max(_soutUnrest, _supUnrest) < SettledUnrest;

    /// <summary>Something else has the say over the share for now; what was known of the rates is void.</summary>
    public void Interrupt()
    {
        Hold(_held, null);
        _wasBusy = false;
        _wake = true;
        _heldBack = null;
        _lastIntake = null;
        _drain.Reset();
    }

    /// <summary>Takes the next sample in.</summary>
    /// <param name="now">When, in seconds.</param>
    /// <param name="rates">The sample.</param>
    /// <param name="isLong">It is longer than others because of <see cref="IsSettled"/>, and tells nothing of what they vary by.</param>
    public void Sample(double now, in Rates rates, bool isLong = false)
    {
        var isBusy = IsTraffic(rates) || IsTrickle(rates);
        var isInside = isBusy && _wasBusy;
        _wasBusy = isBusy;
        _burstAge = isInside ? _burstAge + 1 : 0;
        if (!isInside)
        {
            if (!isBusy && _isTrying && (_trialAge >= LongestOverPause || now - _lastBusy > IdleUntilWake))
            {
                Hold(_held, null);
            }

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
            TakeIn(before.Rates, before.IsLong);
        }

        if (rates.Sum < 0.9 * _lastIntake)
        {
            // The end of a burst looks so, too: only the next sample tells.
            _heldBack = (rates, isLong);
        }
        else
        {
            TakeIn(rates, isLong);
        }

        _lastIntake = rates.Sum;
    }

    /// <summary>Less of the line rates is routing and monitoring, a pause, or a trickle.</summary>
    public bool IsTraffic(in Rates x) => x.Sum > TrafficPart * (_soutLink + _supLink);

    /// <summary>What goes by the split is a job's, at an end share what goes over the rail that is used; of a trial that is under way too little has gone by the new one.</summary>
    private bool IsTrickle(in Rates x) => x.Seconds >= Trickle.Seconds && x.Sum > Trickle.Part * (_soutLink + _supLink) && (_isTrying || Share switch
    {
        <= 0 => x.Sup < x.Sout,
        >= 1 => x.Sout < x.Sup,
        _ => Math.Abs(x.Off(Share)) < Trickle.Proportion,
    });

    private void TakeIn(in Rates x, bool isLong)
    {
        _isLong = isLong;
        _active += x.Seconds;
        _interval += _isLong ? 0 : 0.05 * (Math.Min(x.Seconds, 20 * Period) - _interval);
        WatchUnrest(x);
        if (_settling > 0)
        {
            _settling--;
            return;
        }

        if (TryCalm())
        {
            return;
        }

        if (_isTrying && ++_trialAge > LongestTrial)
        {
            Hold(_held, null);
            return;
        }

        if ((Share is > 0 and <= 0.95 && IsSupAlone(x)) || (Share is >= 0.05 and < 1 && IsSoutAlone(x)))
        {
            // One rail drains alone: the tail of a burst, or of a big message. Of a rail that gets next to nothing a sample may hold nothing anyway.
            return;
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
        if (Math.Abs(Odds.Of(share) - Odds.Of(_held)) > SettledMove)
        {
            _lastMove = _active;
        }

        _found = share != _held ? share : _found;
        _held = share;
        _base = rates;
        _low = _high = _lopsided = 0;
        _deviant.Clear();
        _isTrying = false;
        _doubted = null;
        _settling = 1;
        _lastSum = null;
    }

    private void Reschedule(int direction)
    {
        var i = Side(direction);
        var affordable = _trialLength * _loss[i] / ProbeBudget;
        if ((_held is <= 0 or >= 1) && _beforeDrop > WorthReturning * (_base?.Sum ?? 0))
        {
            affordable = Math.Min(affordable, _return[i]);
        }

        var samples = Math.Max(Math.Max(_pause[i], (_noise < 0.04 ? 5 : 8) * _trialLength), affordable);
        var seconds = Math.Min(samples * _interval, _pause[i] > LongestPause || !_grid.IsFine ? LongestSecondsAtLineRate : LongestSeconds);
        _due[i] = _active + (seconds * (0.8 + (0.4 * _random.NextDouble())));
    }

    /// <summary>Something has moved: probe again as often as at the start.</summary>
    private void Refresh()
    {
        for (var i = 0; i < 2; i++)
        {
            _pause[i] = ShortestPause;
            _loss[i] = 0.03;
            _return[i] = FirstReturn;
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
