using Microsoft.Extensions.Logging;
using MpibAgent.Logging;
using MpibAgent.Policy;

namespace MpibAgent.Rails;

/// <summary>
/// Both rails, read together: first the two counters of bytes, back to back and under one timestamp, then all else. It has no timer for that, and
/// any of it may wait for a device: <see cref="RailReader"/> owns it, on a thread of its own.
/// </summary>
internal sealed class RailPair : IDisposable
{
    /// <summary>How much of a period the reading of the counters may take; what takes longer says too little about when it was.</summary>
    private const double LongestReading = 0.02;

    /// <summary>A share below this may well leave a counter where it is.</summary>
    private const double LeastShare = 0.05;

    // More than a tenth discarded are too many; of a device that takes a second for each reading a thousand would be an hour.
    private const int ReadingsPerVerdict = 1000, LeastDiscarded = 10;
    private static readonly TimeSpan LongestVerdict = TimeSpan.FromSeconds(10);

    /// <summary>How often the same warning may come again.</summary>
    private static readonly TimeSpan WarningInterval = TimeSpan.FromMinutes(10);

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly FloodGate _slowWarning;
    private readonly FloodGate _soutWarning;
    private readonly FloodGate _supWarning;
    private readonly FloodGate _complaints;
    private FrozenWatch _soutWatch;
    private FrozenWatch _supWatch;
    private volatile Rail? _reading;
    private long _readingSince;
    private long _verdictFrom;
    private int _readings;
    private int _discardedOfThem;
    private bool _isOpen;

    public RailPair(RailOptions options, TimeProvider time, ILogger<RailPair> log)
    {
        _time = time;
        _log = log;
        _complaints = new FloodGate(_time);
        Sout = new Rail("SOUT", options.Sout, options.SoutGbps, options.SysRoot, _time, _complaints, log);
        Sup = new Rail("SUP", options.Sup, options.SupGbps, options.SysRoot, _time, _complaints, log);
        _soutWatch = new FrozenWatch(_time);
        _supWatch = new FrozenWatch(_time);
        _slowWarning = new FloodGate(_time, limit: 1, WarningInterval);
        _soutWarning = new FloodGate(_time, limit: 1, WarningInterval);
        _supWarning = new FloodGate(_time, limit: 1, WarningInterval);
    }

    /// <summary>Rail 0.</summary>
    public Rail Sout { get; }

    /// <summary>Rail 1.</summary>
    public Rail Sup { get; }

    /// <summary>The rail that is being looked at; for any thread.</summary>
    public Rail? Reading => _reading;

    /// <summary>For how long; for any thread, and not quite of <see cref="Reading"/> where that changes just then.</summary>
    public TimeSpan ReadingFor => _time.GetElapsedTime(Volatile.Read(ref _readingSince));

    /// <summary>Looks for both rails and says what was found; the first <see cref="Read"/> does it otherwise.</summary>
    public void Open()
    {
        if (_isOpen)
        {
            return;
        }

        _isOpen = true;
        TurnTo(Sout);
        Sout.Open();
        TurnTo(Sup);
        Sup.Open();
        _reading = null;
        if (Sup.IsSameAs(Sout))
        {
            Log.RailCaveat(_log, Sup.Label, Sup.Device, "it is the SOUT rail as well, so no policy can tell the two apart");
        }
    }

    /// <summary>An interface's link has changed, or with <see cref="LinkEvents.Any"/> any may have. True if it is one of the rails'.</summary>
    public bool Tell(int index) => Sout.Tell(index) | Sup.Tell(index);

    /// <summary>Reads both rails and says what else there is to tell of them.</summary>
    /// <param name="period">In how long the next reading comes.</param>
    /// <param name="supShare">The share that SUP is to carry at present, 0 to 1; without it no counter is taken for frozen.</param>
    /// <param name="isFollowed">Whether <see cref="Tell"/> is called for links that change.</param>
    public RailsSeen Read(TimeSpan period, double supShare = double.NaN, bool isFollowed = false)
    {
        Open();
        var before = TurnTo(Sout);
        var soutTx = Sout.ReadTx();
        TurnTo(Sup);
        var supTx = Sup.ReadTx();
        var after = TurnTo(Sout);
        var sout = Sout.Complete(soutTx, after, isFollowed);
        TurnTo(Sup);
        var sup = Sup.Complete(supTx, after, isFollowed);
        _reading = null;
        var took = _time.GetElapsedTime(before, after);
        if (took > period * LongestReading)
        {
            _discardedOfThem++;
            sout = sout with { TxBytes = null };
            sup = sup with { TxBytes = null };
        }
        else if (!double.IsNaN(supShare))
        {
            _soutWatch.Look(sout.TxBytes, sup.TxBytes, sout.IsUp && 1 - supShare >= LeastShare, after);
            _supWatch.Look(sup.TxBytes, sout.TxBytes, sup.IsUp && supShare >= LeastShare, after);
            WarnOfFrozen(Sout, _soutWatch, _soutWarning);
            WarnOfFrozen(Sup, _supWatch, _supWarning);
        }

        _verdictFrom = _readings == 0 ? before : _verdictFrom;
        if (++_readings == ReadingsPerVerdict || (_discardedOfThem >= LeastDiscarded && _time.GetElapsedTime(_verdictFrom, after) > LongestVerdict))
        {
            if (_discardedOfThem > _readings / 10 && _slowWarning.Admit())
            {
                Log.RailSlow(_log, _discardedOfThem, _readings, LongestReading * 100, period.TotalMilliseconds);
            }

            (_readings, _discardedOfThem) = (0, 0);
        }

        if (_complaints.HasSuppressed && _complaints.TakeSuppressed() is > 0 and var leftOut)
        {
            Log.ComplaintsLeftOut(_log, leftOut);
        }

        var sample = new Observation(_time.GetElapsedTime(0, before + ((after - before) / 2)), sout, sup)
        {
            TellsLinks = isFollowed && Sout.IsTold && Sup.IsTold,
        };
        return new RailsSeen(sample, Sout.Seen(_soutWatch.IsFrozen), Sup.Seen(_supWatch.IsFrozen)) { SoutSent = Sout.Sent, SupSent = Sup.Sent };
    }

    private long TurnTo(Rail rail)
    {
        var now = _time.GetTimestamp();
        Volatile.Write(ref _readingSince, now);
        _reading = rail;
        return now;
    }

    public void Dispose()
    {
        Sout.Dispose();
        Sup.Dispose();
    }

    private void WarnOfFrozen(Rail rail, FrozenWatch watch, FloodGate warning)
    {
        if (watch.IsFrozen && warning.Admit())
        {
            Log.RailCounterFrozen(_log, rail.Label, rail.Device, (int)FrozenWatch.Patience.TotalSeconds);
        }
    }
}
