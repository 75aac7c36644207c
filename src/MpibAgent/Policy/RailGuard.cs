namespace MpibAgent.Policy;

/// <summary>
/// Says which rails must carry nothing, whatever the best split is: a link that is down, a black hole (its retransmission timers run out while
/// nothing moves), and, where the device does not count those, a SUP rail on which nothing has moved for long.
/// </summary>
internal sealed class RailGuard
{
    /// <summary>Less than this part of the line rates is no traffic: routing, monitoring and the like go on always.</summary>
    public const double BusyPart = 0.003;

    /// <summary>Seconds that a link must be up before it is used again: one that comes up often goes down again at once.</summary>
    private const double UpHold = 0.2;

    /// <summary>Seconds that a black hole is left alone: at first, and at most after doubling each time.</summary>
    private const double FirstRetry = 1, LongestRetry = 30;

    /// <summary>A black hole that was last seen so many seconds ago is forgiven.</summary>
    private const double Forgiven = 60;

    /// <summary>
    /// Seconds without a byte before new traffic is kept off SUP until SOUT has shown that it moves: 2, less the longest sample, at whose beginning
    /// the last byte may have been.
    /// </summary>
    private const double Silence = 1.98;

    /// <summary>Silence within so many seconds of SUP's return is its fault.</summary>
    private const double Relapse = 0.03;

    /// <summary>Without counters for so many seconds and readings nothing is known of what moves.</summary>
    private const double BlindAfter = 1;
    private const int BlindReadings = 3;

    private const string UpAgain = "up again, not trusted yet", AfterSilence = "not trusted after a silence";

    private readonly Rail _sout = new(), _sup = new();
    private double? _forced;
    private double? _lastBusy;
    private double _lastRead = double.NaN;
    private int _unread;
    private double _readmitted = double.NegativeInfinity;
    private int _busySamples;
    private bool _distrustSup;
    private double _trickled, _quiet;
    private bool _isSilent, _isOnProbation;

    /// <summary>Why a rail is kept empty; empty while both may be used.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Whether bytes moved in the last sample.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>Whether the counters cannot be read, and so nothing is concluded from that nothing is seen to move.</summary>
    public bool IsBlind { get; private set; }

    /// <summary>Takes a sample in, before the decision that it is part of.</summary>
    /// <param name="rates">What both rails sent.</param>
    /// <param name="links">Both line rates together; 0 where one is not known.</param>
    /// <param name="share">The share that was in force.</param>
    public void Note(in Rates rates, double links, double share)
    {
        IsBlind = false;
        IsBusy = rates.Sum > BusyPart * links;
        var little = Trickle.Part * links;
        (_isSilent, _sout.IsSilent, _sup.IsSilent) = (rates.Sum <= little, rates.Sout <= little, rates.Sup <= little);

        // A job of which next to nothing gets through is no silence. Its bytes go by the split; with SUP kept empty they are more than there were before.
        var isTrickle = !_isSilent && (_distrustSup ? rates.Sum > 2 * _quiet
            : share is > 0 and < 1 && Math.Abs(rates.Off(share)) < Trickle.Proportion);
        _trickled = isTrickle ? _trickled + rates.Seconds : 0;
        _quiet += IsBusy || _distrustSup || isTrickle || share is <= 0 or >= 1 ? 0 : 0.2 * (rates.Sum - _quiet);
    }

    /// <summary>The share to which the rails that may be used force the split: 0, 1, or null when both may be used.</summary>
    /// <param name="seen">The rails.</param>
    /// <param name="isLong">Whether the sample is a long one (<see cref="LineSearch.IsSettled"/>).</param>
    public double? Decide(in Observation seen, bool isLong = false)
    {
        if (!seen.IsSample)
        {
            return _forced;
        }

        var now = seen.Time.TotalSeconds;
        LookForCounters(seen, now);
        var sout = Look(_sout, seen.Sout, now, isLong);
        var sup = Look(_sup, seen.Sup, now, isLong);
        if (seen.Sout.Timeouts is null || seen.Sup.Timeouts is null)
        {
            sup ??= LookForSilence(now);
        }

        Reason = (sout, sup) switch
        {
            (null, null) => "",
            (_, null) => $"SOUT {sout}",
            (null, _) => $"SUP {sup}",
            _ => $"both rails out (SOUT {sout}, SUP {sup})",
        };

        // One that is only doubted is better than one that is out for sure; between equals all stays as it is.
        _forced = (sout, sup) switch
        {
            (null, null) => null,
            (_, null) => 1,
            (null, _) => 0,
            (UpAgain, not (UpAgain or AfterSilence)) => 0,
            (not UpAgain, UpAgain or AfterSilence) => 1,
            _ => _forced,
        };
        return _forced;
    }

    private void LookForCounters(in Observation seen, double now)
    {
        if (seen.Sout.TxBytes is not null && seen.Sup.TxBytes is not null)
        {
            (_lastRead, _unread) = (now, 0);
        }
        else if (double.IsNaN(_lastRead))
        {
            _lastRead = now;
        }
        else if (++_unread >= BlindReadings && now - _lastRead > BlindAfter)
        {
            IsBlind = true;
            IsBusy = _distrustSup = false;
            _lastBusy = null;
            _busySamples = 0;
        }
    }

    private string? Look(Rail rail, in RailSample sample, double now, bool isLong)
    {
        if (!sample.IsUp)
        {
            rail.WasDown = true;
            rail.Timeouts = sample.Timeouts;
            return "down";
        }

        if (rail.WasDown)
        {
            rail.WasDown = false;
            rail.OutUntil = Math.Max(rail.OutUntil, now + UpHold);
            rail.Why = UpAgain;
        }

        var isOut = now < rail.OutUntil;
        var hasRunOut = sample.Timeouts > rail.Timeouts;
        if ((hasRunOut || rail.HasRunOutBefore) && (!IsBusy || rail.IsSilent) && !IsBlind && !isOut)
        {
            rail.Condemn(now, "dead: its timers run out");
            isOut = true;
        }

        // A long sample may begin with the last bytes that moved and end with their timer.
        rail.HasRunOutBefore = hasRunOut && IsBusy && isLong;
        rail.Timeouts = sample.Timeouts;
        return isOut ? rail.Why : null;
    }

    /// <summary>
    /// Without a count of timers a black hole looks like a pause of the job. After a long silence the next bytes go over SOUT alone; once some have moved
    /// SUP is let in again, and if all falls silent right then, SUP is what swallows them.
    /// </summary>
    private string? LookForSilence(double now)
    {
        if (IsBusy)
        {
            _isOnProbation = false;
            _busySamples++;
            _lastBusy = now;
            if (_distrustSup && _busySamples >= 2)
            {
                _distrustSup = false;
                _readmitted = now;
            }
        }
        else if (_trickled >= Trickle.Seconds)
        {
            // Let in again after a trickle SUP is on probation, until what moves goes by the split and so shows that SUP carries its part.
            _isOnProbation = _distrustSup;
            _readmitted = _distrustSup ? now : double.NegativeInfinity;
            _trickled = _distrustSup ? 0 : _trickled;
            (_distrustSup, _lastBusy, _busySamples) = (false, now, 1);
        }
        else if (_lastBusy is { } last)
        {
            if (!_distrustSup && _busySamples > 0 && last - _readmitted is >= 0 and < Relapse && (!_isOnProbation || _isSilent))
            {
                _sup.Condemn(now, "dead: all fell silent when it was used");
                _readmitted = double.NegativeInfinity;
            }

            _distrustSup |= now - last > Silence;
            _busySamples = _isOnProbation ? _busySamples : 0;
        }

        return now < _sup.OutUntil ? _sup.Why : _distrustSup ? AfterSilence : null;
    }

    private sealed class Rail
    {
        public bool WasDown;
        public bool IsSilent;
        public bool HasRunOutBefore;
        public double OutUntil = double.NegativeInfinity;
        public string Why = "";
        public ulong? Timeouts;
        private double _retry = FirstRetry;
        private double _condemned = double.NegativeInfinity;

        public void Condemn(double now, string why)
        {
            _retry = now - _condemned > Forgiven ? FirstRetry : Math.Min(LongestRetry, 2 * _retry);
            _condemned = now;
            OutUntil = now + _retry;
            Why = why;
        }
    }
}
