using MpibAgent.Interface;

namespace MpibAgent.Policy;

/// <summary>
/// Finds by itself the share that moves the most bytes and keeps finding it (<see cref="LineSearch"/>), gets off a failing rail at once
/// (<see cref="RailGuard"/>), and lets telemetry overrule single flows. All flows share the rails, and so one share.
/// </summary>
/// <param name="encoding">Says which shares a flow can have.</param>
/// <param name="period">How often the counters are read while bytes move.</param>
/// <param name="start">The share to start from; NaN for the ratio of the link rates.</param>
/// <param name="random">Spreads probes, so that hosts that share a bottleneck do not move in step.</param>
internal sealed class AdaptivePolicy(HintEncoding encoding, TimeSpan period, double start, Random random) : ISplitPolicy
{
    public const string PolicyName = "adaptive";

    private const string NoCountersYet = "no counters to go by yet: are both rails named and there, and do they count? mpibctl check tells";

    /// <summary>Without traffic for so many seconds it looks at the counters less often.</summary>
    private const double RestAfter = 2;

    /// <summary>Then every 100 ms, unless the period is longer anyway: what comes first is seen so late, and a link that went down.</summary>
    private static readonly TimeSpan RestPeriod = TimeSpan.FromMilliseconds(100);

    /// <summary>While the share has settled every 20 ms, unless the period is longer anyway: a black hole is found so late.</summary>
    private static readonly TimeSpan SettledPeriod = TimeSpan.FromMilliseconds(20);

    /// <summary>Every 9 ms where nobody tells of links: then one that went down is found so late.</summary>
    private static readonly TimeSpan UntoldPeriod = TimeSpan.FromMilliseconds(9);

    /// <summary>Seconds: counters that are refreshed less often than this are read as seldom. A window has twelve readings all the same.</summary>
    private const double SeldomRefreshed = 0.24;

    /// <summary>Refreshes closer than so many readings make samples as long as noise does, and no other pace.</summary>
    private const double FewPeriods = 4;

    // Samples, as wide as they have to be, and every reading.
    private readonly RateMeter _meter = new(), _readings = new();
    private readonly RailGuard _guard = new();
    private readonly CongestionHint _hint = new();
    private readonly ShortBursts _bursts = new();
    private readonly Trickle _trickle = new();
    private readonly SampleWidth _width = new(period);
    private LineSearch? _search;
    private double _soutLink, _supLink;
    private Rates _before;
    private double _lastBusy;
    private double _written = double.NaN;
    private bool _isMeasuring, _isResting, _isSettled, _isSeldom;
    private TimeSpan _seldom = UntoldPeriod;
    private int _flows, _steady;
    private uint _turn;

    public string Name => PolicyName;

    public TimeSpan? Period => _isResting && period < RestPeriod ? RestPeriod : _isSeldom ? _seldom : period;

    public string Reason { get; private set; } = NoCountersYet;

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
    {
        // At rest a single reading is enough to see that something moves.
        _meter.Width = _isResting ? 1 : _isSeldom ? (int)Math.Ceiling(_width.Readings * (period / _seldom)) : _width.Readings;
        Rates rates = default, reading = default;
        var isMeasured = seen.IsSample && _meter.TryRead(seen, out rates);
        var isRead = seen.IsSample && _readings.TryRead(seen, out reading);
        var search = Prepare(seen, rates, shares.Length);
        if (isMeasured)
        {
            _isMeasuring = true;
            _guard.Note(rates, _soutLink + _supLink, _written);
            _hint.Note(seen, rates.Seconds);
        }

        var now = seen.Time.TotalSeconds;
        var forced = _guard.Decide(seen, _isSettled);
        _lastBusy = _guard.IsBusy ? now : _lastBusy;
        _isResting = now - _lastBusy > RestAfter;
        var overruled = CongestedPaths.Count(paths);
        if (_guard.Reason.Length > 0 || overruled > 0 || seen.PinnedFlows > paths.Length)
        {
            // The sums of the counters do not say how one split does.
            search.Interrupt();
            Reason = _guard.Reason.Length > 0 ? _guard.Reason
                : overruled > 0 ? $"telemetry: {overruled} flows off a congested rail"
                : "held: most flows are pinned";
        }
        else if (_guard.IsBlind)
        {
            // A trial would last until they are back.
            search.Interrupt();
            Reason = _isMeasuring ? "no counters to go by: a rail's cannot be read any more" : NoCountersYet;
        }
        else
        {
            if (isRead)
            {
                search.Read(reading);
            }

            if (isMeasured)
            {
                TakeIn(search, now, rates, paths);
            }

            Reason = _isMeasuring ? search.Reason : NoCountersYet;
        }

        _seldom = seen.TellsLinks ? SettledPeriod : UntoldPeriod;
        _isSettled = period < _seldom && _guard.Reason.Length == 0 && !_bursts.IsOn && search.IsSettled;
        _isSeldom = _isSettled || (period < _seldom && _meter.Refresh > SeldomRefreshed);
        _written = forced ?? search.Share;
        HintMix.Fill(encoding, _written, _turn, shares);
        if (_guard.Reason.Length == 0)
        {
            CongestedPaths.Leave(paths, shares);
        }
    }

    private void TakeIn(LineSearch search, double now, in Rates rates, ReadOnlySpan<PathLevels> paths)
    {
        var before = search.Share;
        search.Hint = _hint.Direction(paths);
        search.Period = _meter.Refresh < FewPeriods * period.TotalSeconds ? period.TotalSeconds : _meter.Refresh;
        if (_bursts.Take(rates, search.IsTraffic(rates), before) is { } filled && _trickle.Take(filled, search.IsTraffic(filled)) is { } sample)
        {
            search.Sample(now, sample, _isSettled && _meter.Refresh == 0);
        }

        // Nothing is slow where nothing moves.
        _turn += _isResting ? 0 : 1u;
        _steady = search.Share == before && !_isSettled ? _steady + 1 : 0;
        _width.Note(rates, _guard.IsBusy && _steady > 1);
    }

    /// <summary>The search, told what links and flows there are.</summary>
    private LineSearch Prepare(in Observation seen, in Rates rates, int flows)
    {
        // A link of unknown rate has shown at least what it has carried in two samples: one alone may be a counter's jump.
        var sout = seen.Sout.LinkRate > 0 ? seen.Sout.LinkRate : Math.Max(_soutLink, Math.Min(rates.Sout, _before.Sout));
        var sup = seen.Sup.LinkRate > 0 ? seen.Sup.LinkRate : Math.Max(_supLink, Math.Min(rates.Sup, _before.Sup));
        _before = rates.Seconds > 0 ? rates : _before;
        if (_search is null)
        {
            var ratio = sout > 0 && sup > 0 ? sup / (sout + sup) : 0.5;
            _search = new LineSearch(start is > 0 and < 1 ? start : ratio, period, random);
            _lastBusy = seen.Time.TotalSeconds;
        }

        if (flows != _flows)
        {
            _flows = flows;
            _search.Grid = new ShareGrid(encoding, flows);
        }

        if (sout != _soutLink || sup != _supLink)
        {
            (_soutLink, _supLink) = (sout, sup);
            _search.SetLinks(sout, sup, seen.Sout.LinkRate > 0, seen.Sup.LinkRate > 0);
        }

        return _search;
    }
}
