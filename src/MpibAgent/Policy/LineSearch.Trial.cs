namespace MpibAgent.Policy;

/// <content>While it tries a share: how long, and what the rates say of it.</content>
internal sealed partial class LineSearch
{
    private bool Start(int direction, double step, bool isEvent)
    {
        // From an end share a step has to lead to where the rates show it.
        var odds = Math.Clamp(Odds.Of(_held), -LargestOdds, LargestOdds);
        var to = odds + (direction * step);
        to = _held <= 0 ? Math.Max(to, Odds.Of(LeastFromEnd)) : _held >= 1 ? Math.Min(to, -Odds.Of(LeastFromEnd)) : to;
        var trial = direction > 0 ? _grid.Above(_held, to) : _grid.Below(_held, to);
        if (Math.Abs(trial - _held) < 1e-9 || (!_grid.IsFine && !MayTry(trial)))
        {
            return false;
        }

        _direction = direction;
        _step = Math.Min(8, Math.Abs(Odds.Of(trial) - odds));
        _isEvent = isEvent;
        _trial = trial;
        _isTrying = true;
        _doubted = null;
        _measured.Clear();
        _rises = 0;
        _isConfirming = false;
        _followed = double.NaN;
        _settling = 1;
        _trialAge = 0;
        return true;
    }

    /// <summary>Whether the links could carry more at that share than comes through now. A link's rate may be wrong: once in a long while it is tried all the same.</summary>
    private bool MayTry(double share)
    {
        if (_base is not { } now || Math.Min(_soutMost / (1 - share), _supMost / share) > Hope * now.Sum)
        {
            return true;
        }

        if (_active < _againAt)
        {
            return false;
        }

        _againAt = _active + AgainAfter;
        return true;
    }

    private void Measure(in Rates x)
    {
        if (_doubted is { } verdict)
        {
            Check(x, verdict);
            return;
        }

        _measured.Add(x);
        var needed = _isConfirming ? 2 : _step >= BigStep && _noise < 0.05 ? 1 : Math.Clamp((int)(2 * Math.Pow(_noise / 0.025, 2)), 2, 8);
        if (_measured.Count < needed || _base is not { } was)
        {
            return;
        }

        // What was under way when the share changed may still be: as long as the proportion goes on towards the new one, wait.
        var mean = Mean(_measured, needed);
        _hasFollowed = HasFollowed(was, mean);
        var followed = _hasFollowed ? 1 : Followed(was, mean);
        var isMoving = !(followed < _followed + 0.1);
        var (growing, capacity) = _direction > 0 ? (mean.Sup, _supCapacity) : (mean.Sout, _soutCapacity);
        if (followed is > 0.2 and < 0.75 && (isMoving || (_step >= BigStep && growing < 0.8 * capacity && _trialAge < LongestDrain)))
        {
            _followed = Math.Max(followed, double.IsNaN(_followed) ? followed : _followed);
            return;
        }

        if (_step >= BigStep && followed < LeastFollowed && _grid.IsFine && GoesByHeld(was) && _trialAge < LongestDrain)
        {
            // The rates went by the split before, so they will go by this one, when what was posted under the old one is through.
            return;
        }

        Decide(was, mean);
    }

    /// <summary>How far the proportion of the rates has followed the step: 1 when all the way.</summary>
    private double Followed(in Rates b, in Rates a) =>
        _trial is > 0 and < 1 && _held is > 0 and < 1 ? _direction * Math.Log((a.Sup + 1) * (b.Sout + 1) / ((a.Sout + 1) * (b.Sup + 1))) / _step : 1;

    /// <summary>Where the rates go by the new split as they went by the old one, they have followed a big step: what they were before may be off by a message or a packet.</summary>
    private bool HasFollowed(in Rates was, in Rates now) => _step >= BigStep && _trial is > 0 and < 1 && _held is > 0 and < 1
        && GoesByHeld(was) && Math.Abs(now.Off(_trial)) < GoesBySplit * _step;

    private void Decide(in Rates b, in Rates a)
    {
        var d = _direction;
        double f, followed = 1;
        if (_trial is <= 0 or >= 1 || _held is <= 0 or >= 1 || Math.Min(Math.Min(a.Sout, a.Sup), Math.Min(b.Sout, b.Sup)) < _leastRate)
        {
            if (!TryJudgeEnd(a, b, out f, out followed))
            {
                return;
            }
        }
        else
        {
            var g = Math.Abs(Odds.Of(_trial) - Odds.Of(_held));
            var p0 = Math.Max(0, d * Math.Log(b.Sout / a.Sout));
            var s1 = Math.Max(0, d * Math.Log(a.Sup / b.Sup));
            var rise = d > 0 ? Math.Log(a.Sout / b.Sout) : Math.Log(a.Sup / b.Sup);
            if (rise > Math.Max(Math.Max(0.04, 3 * _noise), Math.Max(0.1 * g, PartOfGain * Gain(a, b))))
            {
                // One packet more in a sample is a rise, too, on a slow rail; the next sample has it less.
                if (++_rises < 2)
                {
                    return;
                }

                // The rail that gets less sends more: the demand or the network changed meanwhile.
                Hold(_held, null);
                _due[Side(d)] = _active;
                return;
            }

            followed = _hasFollowed ? 1 : (p0 + s1) / g;
            f = p0 + s1 > 1e-9 ? (d > 0 ? s1 : p0) / (p0 + s1) : 0.5;
            _trialLength += 0.3 * (_measured.Count + 1 - _trialLength);
            if (followed < LeastFollowed)
            {
                NotFollowed(a, b, g);
                return;
            }
        }

        var margin = Math.Clamp(4 * _noise / Math.Max(_step, 0.01), _isEvent && _step >= BigStep ? WholeAfterChange : 0.03, 0.15);
        if (f >= 1 - margin && followed < 0.75 && (_grid.IsFine || _held is > 0 and < 1))
        {
            f = Math.Max(margin + 0.01, followed);
        }

        if (f > margin && f < 1 - margin && _isEvent && _step >= BigStep && _burstAge > LongBurst && !_isConfirming)
        {
            // One sample may hold a packet or a message less.
            _isConfirming = true;
            return;
        }

        if (f > margin)
        {
            Accept(new Verdict(b, a, f, IsWhole: f >= 1 - margin));
        }
        else
        {
            Reject(b, a);
        }
    }

    /// <summary>How much more comes through, or less.</summary>
    private static double Gain(in Rates a, in Rates b) => Math.Abs(Math.Log(a.Sum / b.Sum));

    /// <summary>At an end share one rail's rate says nothing; more goodput is what counts. False when all is decided already.</summary>
    private bool TryJudgeEnd(in Rates a, in Rates b, out double f, out double followed)
    {
        var (now, was) = ((a.Sup + 1) / (a.Sout + 1), (b.Sup + 1) / (b.Sout + 1));
        var odds = _trial < 1 ? _trial / (1 - _trial) : 1e9;
        followed = _trial <= 0 ? 1 - (now / was) : _trial >= 1 ? 1 - (was / now) : _held <= 0 ? now / odds : odds / now;
        f = a.Sum > b.Sum * (1 + Math.Max(0.01, 2 * _noise)) ? 1 : 0;
        if (followed >= LeastFollowed)
        {
            return true;
        }

        if (_held is > 0 and < 1 && Math.Abs(b.Off(_held)) > OffProportionBy)
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
        var off = b.Off(_held);
        if (Math.Abs(off) <= OffTolerance)
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
        var distance = limited > _leastRate ? Math.Abs(Math.Log(capacity / limited) - (d * Odds.Of(_trial))) : 0;
        Accept(_trial, a);
        Refresh();
        Queue(d);
        var step = _noise < 0.04 || _isEvent ? Math.Max(2 * _step, 1.05 * distance) : 2 * _step;

        // No further than where the growing rail is at its line rate.
        var line = Math.Max(d > 0 ? _supLink : _soutLink, growing);
        step = Math.Min(step, Math.Max(SmallestStep, 1.05 * (Math.Log(line / Math.Max(limited, _leastRate)) - (d * Odds.Of(_trial)))));
        if (Start(d, Math.Min(LargestStep, step), _isEvent))
        {
            _bothTried = true;
        }
    }

    /// <summary>The optimum lies inside the step, at the part <paramref name="f"/> of it.</summary>
    private void TakeInside(in Rates a, in Rates b, double f)
    {
        var (d, from, to) = (_direction, Odds.Of(_held), Odds.Of(_trial));
        if (Gain(a, b) < 0.1 * _step && Math.Abs(f - 0.5) > 0.05)
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
}
