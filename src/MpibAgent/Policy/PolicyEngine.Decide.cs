using MpibAgent.Interface;
using MpibAgent.Rails;
using MpibAgent.Slots;

namespace MpibAgent.Policy;

/// <content>How a look at the rails becomes hints.</content>
internal sealed partial class PolicyEngine
{
    /// <summary>A path has become congested, or is so no more: that does not wait for the next sample.</summary>
    private void CongestionChanged()
    {
        lock (_gate)
        {
            if (_rails.IsRunning && !double.IsNaN(_share))
            {
                // Between two samples the counters are not looked at: an interval so short says nothing.
                Decide(_seen, isSample: false);
            }
        }
    }

    /// <summary>A look at the rails, on the thread that took it.</summary>
    private void Found(RailsSeen seen)
    {
        lock (_gate)
        {
            if (!_rails.IsRunning)
            {
                return;
            }

            // The table is the loop's: whose flows there are, and what is known of their paths.
            _mustDecide = _isTorn || !_isListed || _hasLevels || _levels.Count > 0 || _count == 0 || _policy.Period is null;
            _found = seen;
            if (!_mustDecide)
            {
                Ask(seen, isSample: true);
            }

            if ((_mustDecide || _hasMoved || IsWorthTelling(out _, out _)) && !_isPosted)
            {
                _isPosted = _loop.TryPost(_goOn);
            }
        }
    }

    /// <summary>What the thread that reads has left to the loop.</summary>
    private void GoOn()
    {
        lock (_gate)
        {
            _isPosted = false;

            // What was posted for the policy of before, or for flows that have gone: who has seen no sample does not know yet which rail is out.
            if (!_rails.IsRunning || (!_mustDecide && double.IsNaN(_share)))
            {
                return;
            }

            if (_mustDecide || !_isListed)
            {
                // With flows that have changed meanwhile, the policy has had the sample already.
                Decide(_found, isSample: _mustDecide);
            }
            else
            {
                Apply();
            }
        }
    }

    private void Decide(in RailsSeen seen, bool isSample)
    {
        if (_isTorn)
        {
            Use(PolicyName);
            return;
        }

        if (!_isListed || _hasLevels || _levels.Count > 0)
        {
            ListFlows();
        }

        if (_count == 0 || _policy.Period is null)
        {
            // All are pinned: a change of that starts the readings again.
            Rest();
            _share = double.NaN;
            Decided?.Invoke();
            return;
        }

        Ask(seen, isSample);

        // A sample that waits for the loop still does, after news of congestion.
        _mustDecide &= !isSample;
        Apply();
    }

    /// <summary>What each flow is to have; on either thread.</summary>
    private void Ask(in RailsSeen seen, bool isSample)
    {
        // A device may also go, or come back, while its link is down.
        _hasMoved |= !_hasSeen || !HasSameLinks(_seen.Sample, seen.Sample) || (_seen.Sout, _seen.Sup) != (seen.Sout, seen.Sup);
        _seen = seen;
        _hasSeen |= isSample;
        try
        {
            _policy.Decide(seen.Sample with { PinnedFlows = _pinned, IsSample = isSample }, _paths.AsSpan(0, _count), _shares.AsSpan(0, _count));
        }
        catch (OutOfMemoryException)
        {
            // It may be in the middle of something: the next time another one goes on from the shares that flows have.
            _isTorn = true;
            throw;
        }

        var sum = 0.0;
        for (var i = 0; i < _count; i++)
        {
            _wanted[i] = double.IsNaN(_shares[i]) ? _had[i] : _hints.Encoding.Nearest(_shares[i]);
            sum += _hints.Encoding.Share(_wanted[i]);
            _hasMoved |= _wanted[i] != _given[i];
        }

        _share = sum / _count;
        if (isSample && _policy.Period is { } period)
        {
            _rails.GoOn(period, _share);
        }
    }

    private void Apply()
    {
        for (var i = 0; i < _count; i++)
        {
            if (_wanted[i] != _given[i])
            {
                _table.Steer(_slots[i], _wanted[i]);
                _given[i] = _had[i] = _wanted[i];
            }
        }

        Tell();
        if (_hasMoved)
        {
            _hasMoved = false;
            Steered?.Invoke();
        }
    }

    /// <summary>
    /// The flows to steer. Kept until the table or what is known of a path changes: after a sleep 256 slots are in no cache, and to look at them all takes a
    /// tenth of what a sample costs.
    /// </summary>
    private void ListFlows()
    {
        (_count, _pinned) = (0, 0);
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            if (!_table.TryGetFlow(slot, out var flow))
            {
                continue;
            }

            if (_table.SourceOf(slot) == HintSource.Operator)
            {
                _pinned++;
                continue;
            }

            _slots[_count] = slot;
            _had[_count] = _table.HintOf(slot);
            _given[_count] = _table.SourceOf(slot) == HintSource.Policy ? _had[_count] : null;

            // What many flows share has no path of its own: what is told of all paths holds for it.
            _paths[_count++] = _levels.Find(_table.IsShared(slot) ? default : flow);
        }

        (_isListed, _hasLevels) = (true, _levels.Count > 0);
    }

    private static bool HasSameLinks(in Observation one, in Observation other) =>
        one.Sout.IsUp == other.Sout.IsUp && one.Sout.LinkRate == other.Sout.LinkRate
        && one.Sup.IsUp == other.Sup.IsUp && one.Sup.LinkRate == other.Sup.LinkRate;

    /// <summary>One line when the split has moved far, and not many of them: a policy may decide a hundred times a second.</summary>
    private void Tell()
    {
        _ = IsWorthTelling(out var isReason, out var isShare);
        if (isReason)
        {
            _toldReason = _policy.Reason;
            Log.SplitDecided(_log, _share * 100, _toldReason);
            Decided?.Invoke();
        }

        if (isShare)
        {
            (_toldShare, _toldAt) = (_share, _loop.Time.GetTimestamp());
            Log.SplitMoved(_log, _share * 100, _policy.Name, _policy.Reason);
        }
    }

    private bool IsWorthTelling(out bool isReason, out bool isShare)
    {
        isReason = _policy.Reason != _toldReason;
        isShare = !(Math.Abs(_share - _toldShare) < WorthALine) && (double.IsNaN(_toldShare) || _loop.Time.GetElapsedTime(_toldAt) > BetweenLines);
        return isReason || isShare;
    }
}
