using Microsoft.Extensions.Logging;
using MpibAgent.Logging;
using MpibAgent.Policy;

namespace MpibAgent.Rails;

/// <summary>
/// One rail: finds its device, finds it again after it went away, and makes a sample of what it says. Says in the log what changes.
/// Owned by <see cref="RailPair"/>, on the thread that reads.
/// </summary>
internal sealed class Rail(string label, string name, double assumedGbps, string root, TimeProvider time, FloodGate complaints,
    ILogger log) : IDisposable
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    /// <summary>A rate may change of which the kernel tells nothing: that of a bond that has lost a member, one that was set by hand.</summary>
    private static readonly TimeSpan ToldRateInterval = TimeSpan.FromSeconds(10);

    private readonly RailName? _name = RailName.Parse(name);
    private readonly double _assumedRate = SysfsText.Rate(assumedGbps) ?? 0;
    private RailDevice? _device;
    private TxCounter _tx;
    private ulong? _bytes;
    private SlowCounters _slow;
    private long _nextCheck = long.MinValue;
    private long _nextSlow;
    private long _nextRate;
    private bool _isUp;
    private bool _isTold;
    private bool _isTxMissing;
    private bool _saidThatItWraps;
    private double _linkRate;

    /// <summary>SOUT or SUP.</summary>
    public string Label => label;

    /// <summary>Its name in the settings.</summary>
    public string Device => name;

    /// <summary>Whether a setting names it.</summary>
    public bool IsConfigured => _name is not null;

    /// <summary>Whether the settings name one device, and one port of it, for both; or two devices on one interface.</summary>
    public bool IsSameAs(Rail other) => _name is { } own && other._name is { } others
        && ((own.Device, own.PortNumber) == (others.Device, others.PortNumber) || (_device?.InterfaceIndex is { } index && index == other._device?.InterfaceIndex));

    /// <summary>What is told of its device.</summary>
    public DeviceSeen Seen(bool isFrozen) => new(_device?.Kind, _device?.InterfaceIndex, isFrozen) { IsTxMissing = _isTxMissing };

    /// <summary>What its counter showed last, in bytes.</summary>
    public ulong? Sent => _device is null ? null : _bytes;

    /// <summary>Whether a change of its link is told (<see cref="Tell"/>), and need not be looked for.</summary>
    public bool IsTold => _device?.InterfaceIndex is not null;

    /// <summary>Looks for the device, and says so when there is none.</summary>
    public void Open()
    {
        if (_name is not { } wanted)
        {
            Log.RailMissing(log, label, "(none)", "not named in [Rails]; a policy that steers knows nothing of it");
            return;
        }

        Check(time.GetTimestamp());
        if (_device is null)
        {
            Log.RailMissing(log, label, name, $"{SysfsTree.WhyNotFound(root, wanted)}; it counts as down: a policy that steers sends all over the other rail");
        }
    }

    /// <summary>An interface's link has changed. If it is this rail's, the next sample looks at the link, and the answer is true.</summary>
    public bool Tell(int index)
    {
        if (IsTold && (index == LinkEvents.Any || index == _device!.InterfaceIndex))
        {
            _isTold = true;
        }

        return _isTold;
    }

    /// <summary>What its counter of bytes shows; one system call and nothing else, since both rails are read at one moment.</summary>
    public ulong? ReadTx() => _device?.Tx.ReadNumber();

    /// <summary>Makes the sample that began with <see cref="ReadTx"/>.</summary>
    /// <param name="tx">What that gave.</param>
    /// <param name="now">When.</param>
    /// <param name="isFollowed">Whether <see cref="Tell"/> is called when an interface's link changes.</param>
    public RailSample Complete(ulong? tx, long now, bool isFollowed)
    {
        var read = _device;
        if (_device is { IsGone: true })
        {
            Lose();
        }

        var isDue = now >= _nextCheck;
        if (isDue)
        {
            Check(now);
        }

        if (_device is null)
        {
            // Of a rail that nobody named nothing is known, least of all that it is down.
            return new RailSample { IsUp = !IsConfigured, LinkRate = _assumedRate };
        }

        // Of a device that was found just now the counter has not been read yet.
        var isNew = _device != read;
        var bytes = isNew ? null : FollowTx(_device, tx);
        if (!_isUp || isNew || isDue || _isTold || bytes is null || bytes == _bytes)
        {
            FollowState(_device, _device.ReadIsUp() ?? (isNew || bytes is not null));
        }

        // Otherwise it sends, and so is up: to ask takes more than twice as long as to read the counter.
        _bytes = bytes;
        if (_isTold || (isDue && (!(isFollowed && IsTold) || _linkRate == 0 || now >= _nextRate)))
        {
            // Of an interface the rate takes the kernel's lock over all of them, which others may have for long.
            FollowRate(_device);
            _nextRate = After(now, ToldRateInterval);
        }

        _isTold = false;

        if (now >= _nextSlow)
        {
            _slow = _device.ReadSlow();
            _nextSlow = After(now, _device.SlowInterval);
        }

        return new RailSample
        {
            IsUp = _isUp,
            LinkRate = _linkRate,
            TxBytes = bytes,
            Timeouts = _slow.Timeouts,
            Notifications = _slow.Notifications,
            WaitTicks = _slow.WaitTicks,
        };
    }

    public void Dispose() => _device?.Dispose();

    /// <summary>At most once a second: is the device there, or there again?</summary>
    private void Check(long now)
    {
        _nextCheck = After(now, CheckInterval);
        if (_device is { IsInPlace: false })
        {
            Lose();
        }

        if (_device is null)
        {
            if (_name is { } wanted && SysfsTree.Find(root, wanted) is { } device)
            {
                Find(device, now);
            }
        }
        else
        {
            _device.Open();
        }
    }

    private void Find(RailDevice device, long now)
    {
        _device = device;
        _tx = new TxCounter(device.TxUnit);
        _nextSlow = now;
        _nextRate = After(now, ToldRateInterval);
        _isTxMissing = false;
        _saidThatItWraps = false;
        _isUp = device.ReadIsUp() ?? true;
        _linkRate = RateOf(device);
        if (complaints.Admit())
        {
            Log.RailFound(log, label, name, device.Description, _isUp ? "up" : "down", SysfsText.Describe(_linkRate));
            foreach (var caveat in device.Caveats)
            {
                Log.RailCaveat(log, label, name, caveat);
            }
        }
    }

    private void Lose()
    {
        _device!.Dispose();
        _device = null;
        if (complaints.Admit())
        {
            Log.RailLost(log, label, name, SysfsTree.Found(root));
        }
    }

    private ulong? FollowTx(RailDevice device, ulong? tx)
    {
        if (_isTxMissing != tx is null)
        {
            _isTxMissing = tx is null;
            if (complaints.Admit())
            {
                if (_isTxMissing)
                {
                    Log.RailCounterMissing(log, label, name, device.Tx.Path, device.CountedBy is { } counting
                        ? $"{device.Tx.Reason}; it is a software device: name its interface {counting} in [Rails], which counts what it sends" : device.Tx.Reason);
                }
                else
                {
                    Log.RailCounterBack(log, label, name);
                }
            }
        }

        if (tx is not { } value)
        {
            return null;
        }

        var bytes = _tx.Follow(value, out var step);
        if (step == CounterStep.Reset && complaints.Admit())
        {
            Log.RailCounterReset(log, label, name);
        }
        else if (step == CounterStep.Wrapped && !_saidThatItWraps)
        {
            _saidThatItWraps = true;
            Log.RailCounterWraps(log, label, name);
        }

        return bytes;
    }

    private void FollowState(RailDevice device, bool isUp)
    {
        if (isUp == _isUp)
        {
            return;
        }

        _isUp = isUp;
        _linkRate = RateOf(device);
        if (complaints.Admit())
        {
            if (isUp)
            {
                Log.RailUp(log, label, name, SysfsText.Describe(_linkRate));
            }
            else
            {
                Log.RailDown(log, label, name);
            }
        }
    }

    private void FollowRate(RailDevice device)
    {
        var before = _linkRate;
        _linkRate = RateOf(device);
        if (_isUp && _linkRate != before && complaints.Admit())
        {
            Log.RailRate(log, label, name, SysfsText.Describe(_linkRate), SysfsText.Describe(before));
        }
    }

    private double RateOf(RailDevice device) => _assumedRate > 0 ? _assumedRate : device.ReadLinkRate() ?? 0;

    private long After(long now, TimeSpan interval) =>
        interval == TimeSpan.MaxValue ? long.MaxValue : now + (long)(interval.TotalSeconds * time.TimestampFrequency);
}
