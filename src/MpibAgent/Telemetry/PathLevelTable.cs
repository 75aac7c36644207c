using MpibAgent.Policy;
using MpibAgent.Slots;

namespace MpibAgent.Telemetry;

/// <summary>
/// How congested each path is by the reports that still count, and whether that is congestion. Told by <see cref="TelemetryListener"/>, asked by
/// Policy; on the loop's thread, but for <see cref="Count"/>, at which the thread that reads the rails looks as well: it may see the one before. Has a timer
/// armed only while there is a report to expire, and allocates nothing after its making.
/// </summary>
internal sealed class PathLevelTable
{
    /// <summary>Paths with a report that counts, at most.</summary>
    public const int Capacity = 4096;

    private const int Rails = 2;
    private const int Nobody = -1;

    // Shorter, and a queue that swings about the threshold drags the split with it; longer, and a rail that could carry stays idle.
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(20);

    private readonly TimeProvider _time;
    private readonly LoopTimer _timer;
    private readonly int _threshold;
    private readonly int _over;
    private readonly long _expiry;
    private readonly long _linger;
    private readonly Dictionary<Flow, int> _index;
    private readonly Path[] _paths;
    private readonly Rail[] _rails;
    private readonly int[] _unused;
    private int _unusedCount;

    // A report counts for the same time as any other, so the order of receipt is that of expiry.
    private int _oldest = Nobody;
    private int _newest = Nobody;
    private bool _crossed;

    public PathLevelTable(TelemetryOptions options, EventLoop loop)
    {
        _time = loop.Time;
        _timer = loop.CreateTimer(() =>
        {
            Expire();
            Announce();
        });
        _threshold = options.Threshold;
        _over = options.Threshold - TelemetryOptions.Hysteresis;
        _expiry = Ticks(TimeSpan.FromMilliseconds(options.ExpiryMs));
        _linger = Ticks(Linger);

        // Half a megabyte, for those who use it.
        var capacity = options.Listen.Length > 0 ? Capacity : 0;
        _index = new Dictionary<Flow, int>(capacity);
        _paths = new Path[capacity];
        _rails = new Rail[capacity * Rails];
        _unused = new int[capacity];
        for (; _unusedCount < capacity; _unusedCount++)
        {
            _unused[_unusedCount] = _unusedCount;
        }
    }

    /// <summary>Called after congestion of some path has begun or ended by a report or by its expiry: once for all reports of a turn.</summary>
    public event Action? Crossed;

    /// <summary>Paths with a report that counts.</summary>
    public int Count => _index.Count;

    /// <summary>What is known of a flow's two paths: of each rail what the closest report says, its own before (any, destination), (source, any), (any, any).</summary>
    public PathLevels Find(Flow flow)
    {
        if (_index.Count == 0)
        {
            return default;
        }

        var now = _time.GetTimestamp();
        ReadOnlySpan<int> closest =
        [
            IndexOf(flow), IndexOf(flow with { Source = default }), IndexOf(flow with { Destination = default }), IndexOf(default),
        ];
        var (sout, soutCongested) = Closest(closest, 0, now);
        var (sup, supCongested) = Closest(closest, 1, now);
        return new PathLevels(sout, sup, soutCongested, supCongested);
    }

    /// <summary>Takes a report; false when there is no room for another path.</summary>
    public bool TryReport(Flow flow, int rail, byte level)
    {
        var now = _time.GetTimestamp();
        if (!_index.TryGetValue(flow, out var path))
        {
            // Those that have expired by now make room.
            Expire();
            if (_unusedCount == 0)
            {
                return false;
            }

            path = _unused[--_unusedCount];
            _index.Add(flow, path);
            _paths[path] = new Path { Flow = flow };
        }

        var at = (path * Rails) + rail;
        ref var entry = ref _rails[at];
        if (entry.IsKnown)
        {
            Unlink(at);
        }
        else
        {
            entry = new Rail { IsKnown = true };
            _paths[path].Known++;
        }

        entry.Level = level;
        entry.Received = now;
        LinkNewest(at);
        var was = entry.IsCongested;
        if (level > _threshold)
        {
            entry.IsCongested = true;
            entry.LastOver = now;
        }

        Settle(ref entry, now);
        _crossed |= entry.IsCongested != was;
        if (!_timer.IsArmed)
        {
            _timer.ArmAt(now + _expiry);
        }

        return true;
    }

    /// <summary>Calls <see cref="Crossed"/> if congestion has begun or ended since the last call.</summary>
    public void Announce()
    {
        if (_crossed)
        {
            _crossed = false;
            Crossed?.Invoke();
        }
    }

    /// <summary>What was reported so long ago that it counts no more is forgotten, and with it that its rail was congested.</summary>
    private void Expire()
    {
        var now = _time.GetTimestamp();
        while (_oldest != Nobody && now - _rails[_oldest].Received >= _expiry)
        {
            var at = _oldest;
            Unlink(at);
            _crossed |= _rails[at].IsCongested;
            _rails[at].IsKnown = false;
            var path = at / Rails;
            if (--_paths[path].Known == 0)
            {
                _index.Remove(_paths[path].Flow);
                _unused[_unusedCount++] = path;
            }
        }

        if (_oldest == Nobody)
        {
            _timer.Disarm();
        }
        else
        {
            _timer.ArmAt(_rails[_oldest].Received + _expiry);
        }
    }

    /// <summary>Congestion is over once the level is low and was not high for a moment, also when no report comes to say so again.</summary>
    private void Settle(ref Rail entry, long now)
    {
        if (entry.IsCongested && entry.Level < _over && now - entry.LastOver >= _linger)
        {
            entry.IsCongested = false;
        }
    }

    private int IndexOf(Flow flow) => _index.TryGetValue(flow, out var path) ? path : Nobody;

    private (byte? Level, bool IsCongested) Closest(ReadOnlySpan<int> paths, int rail, long now)
    {
        foreach (var path in paths)
        {
            // The timer may be late by a millisecond.
            if (path != Nobody && _rails[(path * Rails) + rail] is { IsKnown: true } found && now - found.Received < _expiry)
            {
                ref var entry = ref _rails[(path * Rails) + rail];
                Settle(ref entry, now);
                return (entry.Level, entry.IsCongested);
            }
        }

        return (null, false);
    }

    private void LinkNewest(int at)
    {
        _rails[at].Older = _newest;
        _rails[at].Newer = Nobody;
        if (_newest == Nobody)
        {
            _oldest = at;
        }
        else
        {
            _rails[_newest].Newer = at;
        }

        _newest = at;
    }

    private void Unlink(int at)
    {
        var (older, newer) = (_rails[at].Older, _rails[at].Newer);
        if (older == Nobody)
        {
            _oldest = newer;
        }
        else
        {
            _rails[older].Newer = newer;
        }

        if (newer == Nobody)
        {
            _newest = older;
        }
        else
        {
            _rails[newer].Older = older;
        }
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    private struct Path
    {
        public Flow Flow;

        /// <summary>Rails of it with a report that counts.</summary>
        public int Known;
    }

    private struct Rail
    {
        public bool IsKnown;
        public bool IsCongested;
        public byte Level;
        public long Received;

        /// <summary>When a report last was over the threshold.</summary>
        public long LastOver;

        /// <summary>Neighbours in the order of receipt.</summary>
        public int Older;
        public int Newer;
    }
}
