namespace MpibAgent.Policy;

/// <content>While it holds a share: the watch over the goodput, and when to try another.</content>
internal sealed partial class LineSearch
{
    private void Watch(in Rates x)
    {
        if (_base is not { } was)
        {
            TakeBase(x);
            return;
        }

        var change = (x.Sum / was.Sum) - 1;
        if (_isLong && Math.Abs(change) > Math.Max(LongDeviation, 2 * _noise))
        {
            // What came before the change is in it, too: it says that there was one, and the next sample says which.
            _lastMove = _active;
            (_low, _high) = change < 0 ? (1, 0) : (0, 1);
            _deviant.Clear();
            return;
        }

        if (Math.Abs(change) > Math.Max(Deviation, 3 * _noise))
        {
            (_low, _high) = change < 0 ? (_low + 1, 0) : (0, _high + 1);
            _deviant.Add(x);
        }
        else if (IsLopsided(x, was))
        {
            _low = _high = 0;
            _deviant.Clear();
            if (Math.Abs(_lopsided) >= LopsidedSamples && TryFollowOthers(x, was))
            {
                return;
            }
        }
        else
        {
            _low = _high = 0;
            _deviant.Clear();
            was = new Rates(x.Seconds, was.Sout + (0.2 * (x.Sout - was.Sout)), was.Sup + (0.2 * (x.Sup - was.Sup)));
            _base = was;
        }

        if (_lastSum is { } lastSum && !_isLong)
        {
            // A jump from one level to another is no noise: of one sample hardly more is taken than what there is.
            _noise += 0.05 * (Math.Min(Math.Abs((x.Sum / lastSum) - 1) * 0.89, _noise + 0.005) - _noise);
        }

        _lastSum = x.Sum;
        if (Math.Max(_low, _high) >= 2)
        {
            Changed(was);
            return;
        }

        Probe(x);
    }

    /// <summary>Whether the two rates have moved against each other. Both of a job's are held down by the fuller rail, and move together.</summary>
    private bool IsLopsided(in Rates x, in Rates was)
    {
        var apart = Apart(x, was);
        if (_isLong || !_grid.IsFine || _held is <= 0 or >= 1 || Math.Abs(apart) <= Math.Max(Lopsided, LopsidedUnrest * Math.Max(_soutUnrest, _supUnrest)))
        {
            _lopsided = 0;
            return false;
        }

        _lopsided = Math.Sign(apart) * (Math.Sign(apart) == Math.Sign(_lopsided) ? Math.Abs(_lopsided) + 1 : 1);
        return true;
    }

    /// <summary>
    /// Other traffic on one rail fills what the job leaves there, so that the sum hardly changes; the other rail shows what became of the job. The step is as
    /// after a drop of that size, off the rail that others have come to, or onto the one that they have left.
    /// </summary>
    private bool TryFollowOthers(in Rates x, in Rates was)
    {
        _lopsided = 0;
        if (!MayStartEvent)
        {
            return false;
        }

        var apart = Apart(x, was);
        (_base, _lastSum) = (x, x.Sum);
        StartEvent(Math.Sign(apart), Math.Clamp(PartOfDrop * Math.Abs(apart), SmallestStep, LargestStep));
        return true;
    }

    private double Apart(in Rates x, in Rates was) =>
        Math.Min(Math.Min(x.Sout, x.Sup), Math.Min(was.Sout, was.Sup)) < _leastRate ? 0 : Math.Log(x.Sout * was.Sup / (was.Sout * x.Sup));

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
            StartEvent(Hint, Math.Clamp(1.05 * Math.Log(expected / now.Sum), FirstEventStep, LargestStep));
        }

        _expected = null;
    }

    /// <summary>Two samples in a row are off on the same side: the network has changed, or the job has.</summary>
    private void Changed(in Rates was)
    {
        var b = _deviant[^1];
        var a = _deviant.Count > 1 ? _deviant[^2] : b;
        var agree = Math.Abs((a.Sum / b.Sum) - 1) < Math.Max(0.1, 3 * _noise);
        if (!agree && Math.Max(_low, _high) < 4)
        {
            return;
        }

        // With a packet or message more in every other sample no two in a row are alike, and the last is as far off as any; while the goodput still falls it is the best.
        var goesToAndFro = _deviant.Count > 2 && (b.Sum - a.Sum) * (a.Sum - _deviant[^3].Sum) < 0;
        var isDrop = _low >= 2;
        var now = agree || goesToAndFro ? Mean(_deviant, Math.Min(2, _deviant.Count)) : b;
        var drop = Math.Log(was.Sum / Math.Max(now.Sum, 1));

        // What was under way keeps one rail at its rate for a moment when the other one falls or rises: the first sample tells which has moved. Where
        // the best share cannot be had, one rail waits for the other anyway, and with big messages that tells nothing.
        var moved = _deviant[0].Off(_held);
        _beforeDrop = isDrop ? was.Sum : 0;
        _base = now;
        _low = _high = 0;
        _deviant.Clear();
        if (MayStartEvent)
        {
            // A rail that has lost a part k of its rate takes the goodput down by as much: the step back to the optimum has that very size. But after
            // the whole of it the rates would be the same if the drop had only ended meanwhile, so the first trial stops short of that.
            var direction = Hint == 0 && _grid.IsFine && Math.Abs(moved) > MovedFirst ? Math.Sign(moved) : Hint;
            StartEvent(direction, isDrop ? Math.Clamp(PartOfDrop * drop, SmallestStep, LargestStep) : FirstEventStep);
        }
    }

    private bool MayStartEvent => HasToken && _active - _lastEvent >= _backoff;

    /// <summary>Events are at most four in a row, and six a second.</summary>
    private bool HasToken
    {
        get
        {
            _tokens = Math.Min(4, _tokens + (6 * (_active - _tokensAt)));
            _tokensAt = _active;
            return _tokens >= 1;
        }
    }

    /// <summary>By how much the rates that a trial began from may be off the split's proportion: the ends of messages put them off as well.</summary>
    private double OffTolerance => OffProportionBy + Math.Max(_soutUnrest, _supUnrest);

    /// <summary>Whether rates go by the share that is held: both rails are then held down by the fuller one.</summary>
    private bool GoesByHeld(in Rates x) => Math.Abs(x.Off(_held)) <= OffTolerance;

    private void Probe(in Rates x)
    {
        // With long samples a probe is always due. One that began from a sample that is off would hide for ever what has changed.
        if ((_restless >= 3 && _grid.IsFine) || (_low + _high > 0 && _interval > LongInterval))
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
            // Beside a rail that is calm, so that the traffic is, the other goes to and fro by whole messages: a probe has to stand out of that.
            var (calm, restless) = (Math.Min(_soutUnrest, _supUnrest), Math.Max(_soutUnrest, _supUnrest));
            step = calm < CalmUnrest && _grid.IsFine ? Math.Max(step, Math.Min(2 * restless, LargestMessageProbe)) : step;
            var hasRoom = direction > 0 ? x.Sup < LineRate * _supLink : x.Sout < LineRate * _soutLink;
            var i = Side(direction);
            _beforeDrop = _held is > 0 and < 1 ? 0 : _beforeDrop;
            _return[i] *= ReturnGrowth;
            _pause[i] = Math.Min(hasRoom ? LongestPause : LongestPauseAtLineRate, 1.5 * _pause[i]);
            Reschedule(direction);
            _bothTried = true;
            _stepsTaken = 0;
            if (Start(direction, step, isEvent: false))
            {
                Reason = FormattableString.Invariant($"probe {(direction > 0 ? '+' : '-')}{Math.Abs(_trial - _held) * 100:0.0##}%");
            }
        }
    }

    private void StartEvent(int direction, double step)
    {
        if (!HasToken)
        {
            return;
        }

        _tokens--;
        direction = direction != 0 ? direction : _random.Next(2) == 0 ? 1 : -1;
        (_eventBefore, _lastEvent) = (_lastEvent, _active);
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
    }
}
