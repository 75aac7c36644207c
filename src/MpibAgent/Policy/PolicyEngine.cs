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
internal sealed partial class PolicyEngine : IHostedService
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
    private bool _isTorn, _isStopped;

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
        // Who registers at the end of a stop still has the share of the others: it may be a while until the next agent decides.
        _levels.Crossed -= CongestionChanged;
        _isStopped = true;
        Rest();
    });

    /// <summary>From now on policies are made by these settings; the one that they name takes charge.</summary>
    public void Use(PolicyOptions options)
    {
        _catalogue.Options = options;
        Use(options.Name);
    }

    /// <summary>Puts the policy of that name in charge, made by the settings in force. It goes on from the share that flows have.</summary>
    public void Use(string name) => Use(_catalogue.Create(name, SteeredShare(isToSearchFrom: true)));

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
            _toldReason = "";
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

    /// <summary>The mean over the flows that a policy steers; NaN where it steers none.</summary>
    /// <param name="isToSearchFrom">Without those that it has taken off a rail for a reason of their own.</param>
    private double SteeredShare(bool isToSearchFrom)
    {
        var (sum, count) = (0.0, 0);
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            if (_table.TryGetFlow(slot, out _) && _table.SourceOf(slot) == HintSource.Policy)
            {
                // Under ppm1024 a flow at an end was taken there alone; under multiplier 0 is a part of every mean below a half.
                var share = _hints.Encoding.Share(_table.HintOf(slot));
                if (!isToSearchFrom || (share < 1 && (share > 0 || _hints.Encoding == HintEncoding.Multiplier)))
                {
                    sum += share;
                    count++;
                }
            }
        }

        return sum > 0 || !isToSearchFrom ? sum / count : double.NaN;
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
            else if (!_rails.IsRunning && !_isStopped)
            {
                // The first decision does not wait for a period that may be an hour.
                _rails.Start(_policy.Period.Value, atOnce: double.IsNaN(_share));
            }

            // A new flow starts with what the others have, before its first message; also while a policy that has just taken charge has yet to see the rails.
            var share = double.IsNaN(_share) ? SteeredShare(isToSearchFrom: false) : _share;
            for (var slot = 0; slot < HintLayout.SlotCount && !double.IsNaN(share); slot++)
            {
                if (_table.TryGetFlow(slot, out _) && _table.SourceOf(slot) is HintSource.Initial)
                {
                    _table.Steer(slot, _hints.Encoding.Nearest(share));
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
}
