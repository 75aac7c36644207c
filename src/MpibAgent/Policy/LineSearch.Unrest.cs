namespace MpibAgent.Policy;

/// <content>
/// With big messages the rates follow the split late, and trials tell little; but then the one rail is full, and the other waits for it.
/// </content>
internal sealed partial class LineSearch
{
    /// <summary>Whose rate differs by no more than this from sample to sample is calm.</summary>
    private const double CalmUnrest = 0.05;

    /// <summary>Below this part of its link, and so many times less than the split gives it, a rail has nothing to do.</summary>
    private const double AlonePart = 0.01, AloneFactor = 4;

    /// <summary>So many times its link, if the rate of that is known, a rail has not carried: its counter stood still, and went on with all of that. A counter that is refreshed every other reading doubles.</summary>
    private const double Impossible = 3;

    private double _soutUnrest, _supUnrest, _off;
    private int _restlessRail, _restless;
    private double _restlessStep, _lastRestless = -9;
    private readonly DrainWatch _drain = new();

    /// <summary>
    /// A full rail sends at a constant rate; one that waits for it, with big messages, in bursts. One that carries more than its part of the split waits
    /// for nothing: there is other traffic on it.
    /// </summary>
    private void WatchUnrest(in Rates x)
    {
        if (_last is { } last && _settling == 0)
        {
            _off += 0.1 * (x.Off(_held) - _off);
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

    /// <summary>Gives a rail that waits more to do. False where none waits for sure.</summary>
    private bool TryCalm()
    {
        if (_restless >= 4 && _burstAge > LongBurst && !_isTrying && _base is not null && _active - _lastRestless > 1 && MayStartEvent)
        {
            _lastRestless = _active;
            _restless = 0;
            StartEvent(_restlessRail == 1 ? 1 : -1, BigStep);
            return true;
        }

        // A big step towards that rail that waits for a queue to drain is worth more than the small one from here.
        var isUnderWay = _isTrying && _isEvent && _step >= BigStep;
        if (_restless >= 10 && !isUnderWay && _held is > 0 and < 1 && _grid.IsFine && (_restlessRail == 1 ? _off : -_off) < OffProportionBy)
        {
            _restless = 0;
            var d = _restlessRail == 1 ? 1 : -1;
            _restlessStep = Math.Sign(_restlessStep) == d ? d * Math.Min(0.4, 2 * Math.Abs(_restlessStep)) : d * 0.1;
            Hold(_grid.Best(Odds.ToShare(Math.Clamp(Odds.Of(_held) + _restlessStep, -6, 6))), null);
            return true;
        }

        return false;
    }

    /// <summary>
    /// Takes in what came between two readings, of which a sample may have many: in one that is longer than a message no rail is seen to go on alone. A rail
    /// that does so for long has too much, and what the two carry while they send says by how much.
    /// </summary>
    public void Read(in Rates x)
    {
        // Beside a rail that carries next to nothing a job of big messages is no traffic: that rail sends alone, and now and then the other for a moment.
        if (Share is <= 0 or >= 1 || x.Sum <= Trickle.Part * (_soutLink + _supLink))
        {
            return;
        }

        if (x.Sout > Impossible * _soutMost || x.Sup > Impossible * _supMost)
        {
            _drain.Reset();
            return;
        }

        // What is tried from an end share is far off that, and may be all that the rail can see of it.
        var from = Odds.Of(_isTrying && _held is <= 0 or >= 1 ? Share : _held);
        if (_drain.Note(x, IsSoutAlone(x), IsSupAlone(x), from) is { } full && !(_isTrying && _isEvent && _step >= BigStep))
        {
            // Off the ends: there a rail gets nothing and tells nothing.
            var share = _grid.Best(Odds.ToShare(Math.Clamp(Math.Clamp(full, from - LargestStep, from + LargestStep), -LargestOdds, LargestOdds)));
            if (share != _held)
            {
                Accept(share, null);
                Refresh();
            }
            else if (_isTrying && _held is <= 0 or >= 1)
            {
                GiveUp();
            }
        }
    }

    /// <summary>The rail that an end share leaves out still carries next to nothing: all waited for what it was tried with, and so it is long until the next time.</summary>
    private void GiveUp()
    {
        var i = Side(_direction);
        _loss[i] = 1;
        _return[i] *= ReturnAfterLoss;
        Hold(_held, null);
        Reschedule(_direction);
    }

    /// <summary>Whether SUP has next to nothing to do, and far less than the split would give it.</summary>
    private bool IsSoutAlone(in Rates x) => x.Sup < AlonePart * _supLink && AloneFactor * x.Sup < Share / (1 - Share) * x.Sout;

    /// <summary>The same of SOUT.</summary>
    private bool IsSupAlone(in Rates x) => x.Sout < AlonePart * _soutLink && AloneFactor * Share / (1 - Share) * x.Sout < x.Sup;
}
