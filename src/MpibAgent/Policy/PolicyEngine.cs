using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Rails;
using MpibAgent.Slots;
using MpibAgent.Telemetry;

namespace MpibAgent.Policy;

/// <summary>
/// Asks the policy in charge, when it wants to be asked, for the shares of the flows that have a slot, and has the table write what they encode to. A slot that
/// the operator set is pinned and left alone. Without a flow, or with a policy that never wants to be asked, no rail is looked at.
/// </summary>
/// <remarks>
/// The policy is asked where the rails are read, on that thread, and the loop is woken only when there is something to do for it: a hint to be written, a line to
/// be logged, other flows than before. So a split that stays costs the loop nothing. All but <see cref="Found"/> is on the loop's thread; what both change is
/// under the lock, which either holds for some microseconds, and never over a read of a device.
/// </remarks>
internal sealed class PolicyEngine : IHostedService
{
    /// <summary>How far a share must have moved, and how long after the last line, for a line in the log.</summary>
    private const double WorthALine = 0.05;
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private readonly PolicyCatalogue _catalogue;
    private readonly HintOptions _hints;
    private readonly EventLoop _loop;
    private readonly SlotTable _table;
    private readonly RailReader _rails;
    private readonly PathLevelTable _levels;
    private readonly ILogger<PolicyEngine> _log;
    private readonly int[] _slots = new int[HintLayout.SlotCount];
    private readonly PathLevels[] _paths = new PathLevels[HintLayout.SlotCount];
    private readonly double[] _shares = new double[HintLayout.SlotCount];

    private readonly Lock _gate = new();
    private readonly Action _goOn;

    // Its flows, as they were listed last. What each is to have, what it had then or was given since, and the hint that it has from a policy, null where somebody else set it.
    private readonly uint[] _wanted = new uint[HintLayout.SlotCount], _had = new uint[HintLayout.SlotCount];
    private readonly uint?[] _given = new uint?[HintLayout.SlotCount];
    private int _count;
    private int _pinned;
    private bool _isListed;
    private bool _hasLevels;

    private ISplitPolicy _policy = new ManualPolicy();
    private RailsSeen _seen;
    private bool _hasSeen;

    // For the loop: that it has been told to go on, whether anything has moved since it last did, and whether it has to ask the policy itself, with what.
    private bool _isPosted, _hasMoved, _mustDecide;
    private RailsSeen _found;
    private double _share = double.NaN;
    private string _toldReason = "";
    private double _toldShare = double.NaN;
    private long _toldAt;
    private bool _isTorn;

    public PolicyEngine(PolicyCatalogue catalogue, HintOptions hints, EventLoop loop, SlotTable table, RailReader rails, PathLevelTable levels,
        ILogger<PolicyEngine> log)
    {
        _catalogue = catalogue;
        _hints = hints;
        _loop = loop;
        _table = table;
        _rails = rails;
        _levels = levels;
        _log = log;
        _goOn = GoOn;
        _rails.Found = Found;
    }

    /// <summary>Called after a policy has taken charge, has given another reason for what it does, or has no flow left to steer.</summary>
    public event Action? Decided;

    /// <summary>Called after a decision that has moved a hint, or has found a rail's device, its link or its counter in another state; up to some hundred times a second.</summary>
    public event Action? Steered;

    /// <summary>The name of the policy in charge.</summary>
    public string PolicyName => _policy.Name;

    /// <summary>What it says of its last decision; empty where it has none to take.</summary>
    public string Reason => _policy.Period is null || double.IsNaN(_share) ? "" : _policy.Reason;

    /// <summary>The mean share of SUP over the flows that it steers; NaN when there are none.</summary>
    public double MeanShare => _share;

    /// <summary>The rails that it looks at.</summary>
    public RailReader Rails => _rails;

    /// <summary>What it saw of them last; null while it does not look.</summary>
    public RailsSeen? Seen
    {
        get
        {
            lock (_gate)
            {
                return _hasSeen && _rails.IsRunning ? _seen : null;
            }
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed += FlowsChanged;
        _levels.Crossed += CongestionChanged;
        Use(_catalogue.Options);
    });

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed -= FlowsChanged;
        _levels.Crossed -= CongestionChanged;
        Rest();
    });

    /// <summary>From now on policies are made by these settings; the one that they name takes charge.</summary>
    public void Use(PolicyOptions options)
    {
        _catalogue.Options = options;
        Use(options.Name);
    }

    /// <summary>Puts the policy of that name in charge, made by the settings in force. It goes on from the share that flows have.</summary>
    public void Use(string name) => Use(_catalogue.Create(name, SteeredShare()));

    /// <summary>Puts <paramref name="policy"/> in charge.</summary>
    public void Use(ISplitPolicy policy)
    {
        lock (_gate)
        {
            if (policy.Period is not null)
            {
                _rails.Open();
            }

            _policy = policy;
            _isTorn = _hasSeen = _hasMoved = _mustDecide = false;
            _share = _toldShare = double.NaN;
            Rest();
        }

        Log.PolicyInCharge(_log, policy.Name);
        FlowsChanged();
        Decided?.Invoke();
    }

    /// <summary>Gives a slot that the operator has pinned back: to the policy, or without one that steers, to the initial hint.</summary>
    public void Release(int slot)
    {
        _table.Unpin(slot, keepHint: _policy.Period is not null && _table.TryGetFlow(slot, out _));
        FlowsChanged();
    }

    /// <summary>Gives all slots back, and the initial hint to the settings.</summary>
    public void ReleaseAll()
    {
        _table.UnpinAll(keepHints: _policy.Period is not null);
        FlowsChanged();
    }

    /// <summary>Writes into the log what every slot in use has, from whom, and why; and of free ones those that were set by themselves.</summary>
    public void TellStatus()
    {
        Log.PolicyStatus(_log, _policy.Name, _policy.Reason, _table.FlowCount, _table.ConnectionCount, _table.InitialHint);
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            var (hint, source) = (_table.HintOf(slot), _table.SourceOf(slot));
            var hasFlow = _table.TryGetFlow(slot, out var flow);
            if (hasFlow || (source != HintSource.Initial && !(_table.IsInitialPinned && hint == _table.InitialHint)))
            {
                Log.SlotStatus(_log, slot, hasFlow ? $"{flow.Source} > {flow.Destination}" : "no flow yet", hint, _hints.Encoding.Share(hint) * 100, source.Name(),
                    source == HintSource.Policy && _policy.Period is not null ? _policy.Reason : source.Meaning(), _table.ConnectionsOf(slot));
            }
        }
    }

    /// <summary>The mean over the flows that a policy steers, but for those that it has taken off a rail for a reason of their own.</summary>
    private double SteeredShare()
    {
        var (sum, count) = (0.0, 0);
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            // Under ppm1024 a flow at an end was taken there alone; under multiplier 0 is a part of every mean below a half.
            if (_table.TryGetFlow(slot, out _) && _table.SourceOf(slot) == HintSource.Policy && _hints.Encoding.Share(_table.HintOf(slot)) is var share and < 1
                && (share > 0 || _hints.Encoding == HintEncoding.Multiplier))
            {
                sum += share;
                count++;
            }
        }

        return sum > 0 ? sum / count : double.NaN;
    }

    private void FlowsChanged()
    {
        lock (_gate)
        {
            _isListed = false;
            if (_policy.Period is null)
            {
                return;
            }

            if (_table.FlowCount == 0)
            {
                Rest();
                _share = double.NaN;
            }
            else if (!_rails.IsRunning)
            {
                // The first decision does not wait for a period that may be an hour.
                _rails.Start(_policy.Period.Value, atOnce: double.IsNaN(_share));
            }

            if (!double.IsNaN(_share))
            {
                // A new flow starts with what the others have, before its first message.
                for (var slot = 0; slot < HintLayout.SlotCount; slot++)
                {
                    if (_table.TryGetFlow(slot, out _) && _table.SourceOf(slot) is HintSource.Initial)
                    {
                        _table.Steer(slot, _hints.Encoding.Nearest(_share));
                    }
                }
            }
        }
    }

    /// <summary>No readings, no news of links.</summary>
    private void Rest()
    {
        // Not in the middle of a decision, at whose end the readings would go on.
        lock (_gate)
        {
            _rails.Stop();
        }
    }

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
            if (!_rails.IsRunning)
            {
                return;
            }

            if (_mustDecide || !_isListed)
            {
                Decide(_found, isSample: true);
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
        _mustDecide = false;
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
