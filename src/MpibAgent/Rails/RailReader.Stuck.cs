using MpibAgent.Policy;

namespace MpibAgent.Rails;

/// <content>A rail that does not answer: what the loop makes of it while the thread hangs.</content>
internal sealed partial class RailReader
{
    /// <summary>Nothing was found for longer than it should take.</summary>
    private void LookWhetherStuck()
    {
        long reading, due;
        TimeSpan lasted;
        Rail? rail, before;
        lock (_gate)
        {
            if (!_isStarted)
            {
                Wake();
            }

            (reading, lasted, due, rail) = (_reading, _pair.ReadingFor, _due, _pair.Reading);
        }

        if (!IsRunning)
        {
            // Somebody has asked once, and waits.
            if (!_isStarted)
            {
                _overdue.Arm(Patience);
            }

            return;
        }

        if (rail is null)
        {
            _overdue.ArmAt(Math.Max(due, _loop.Time.GetTimestamp()) + Ticks(Patience));
            return;
        }

        if ((reading, rail) != _suspect || lasted < Patience)
        {
            _suspect = (reading, rail);
            _overdue.Arm(SecondLook);
            return;
        }

        // Again and again: when it comes back the read of the other one may not, and flows may be others than before.
        _overdue.Arm(Patience);
        RailsSeen seen;
        bool wasTold, isTold;
        lock (_gate)
        {
            if (reading != _reading || _pair.Reading != rail)
            {
                return;
            }

            (before, wasTold, _stuck) = (_stuck, _isStuckTold, rail);
            isTold = before != rail && _complaints.Admit();
            _isStuckTold = before == rail ? wasTold : isTold;
            seen = Without(rail);
        }

        if (before is not null && before != rail && wasTold)
        {
            Log.RailAnswers(_log, before.Label, before.Device);
        }

        if (isTold)
        {
            Log.RailStuck(_log, rail.Label, rail.Device, lasted.TotalSeconds);
            if (_complaints.TakeSuppressed() is > 0 and var leftOut)
            {
                Log.ComplaintsLeftOut(_log, leftOut);
            }
        }

        Found?.Invoke(seen);
    }

    /// <summary>Under the lock. What was seen last, and what the kernel has told since, but that this rail is out.</summary>
    private RailsSeen Without(Rail rail)
    {
        var seen = _seen ?? new RailsSeen(
            new Observation(default, new RailSample { IsUp = true }, new RailSample { IsUp = true }), Sout.Seen(isFrozen: false), Sup.Seen(isFrozen: false));
        return new RailsSeen(
            seen.Sample with
            {
                Time = _loop.Time.GetElapsedTime(0),
                Sout = seen.Sample.Sout with { IsUp = rail != Sout && (_soutNews ?? seen.Sample.Sout.IsUp), TxBytes = null },
                Sup = seen.Sample.Sup with { IsUp = rail != Sup && (_supNews ?? seen.Sample.Sup.IsUp), TxBytes = null },
                TellsLinks = false,
            },
            seen.Sout with { IsStuck = rail == Sout }, seen.Sup with { IsStuck = rail == Sup });
    }
}
