using Microsoft.Extensions.Logging;
using MpibAgent.Logging;
using MpibAgent.Policy;

namespace MpibAgent.Rails;

/// <summary>
/// Reads the rails, on a thread of its own: a device whose firmware has died, or a kernel in the middle of a reset, answers a read after seconds or never, and
/// that must not keep registrations and commands waiting, least of all what takes the traffic off that rail. All methods are for the loop's thread, but for
/// <see cref="GoOn"/>. Where nobody wants to know, the thread sleeps, or has not been made.
/// </summary>
/// <remarks>
/// One lock; no device is read while it is held, and no policy is asked. The thread goes on at the pace that it was told until it is told another one, so that a reading
/// costs one wake-up. It sleeps in poll(2), which takes 3 to 10 µs less for that than Monitor.Wait. Whether it hangs the loop looks once a second.
/// </remarks>
internal sealed partial class RailReader : IDisposable
{
    /// <summary>A look at a rail that has not come back for so long does not count as slow any more: the rail is out.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>After a pause of the whole process a reading looks old that has only just begun to run again.</summary>
    private static readonly TimeSpan SecondLook = TimeSpan.FromMilliseconds(100);

    /// <summary>A device may hang and answer again and again.</summary>
    private static readonly TimeSpan BetweenComplaints = TimeSpan.FromMinutes(1);

    /// <summary>News of links that wait for the thread; more are taken as one of any link.</summary>
    private const int MostTold = 16;

    private readonly RailPair _pair;
    private readonly EventLoop _loop;
    private readonly ILogger _log;
    private readonly LinkEvents _links;
    private readonly LoopTimer _overdue;
    private readonly FloodGate _complaints;
    private readonly Action<int, bool> _linkChanged;
    private readonly Thread _thread;

    // The loop's.
    private (long Reading, Rail? Rail) _suspect;

    // Both threads', under the lock.
    private readonly Lock _gate = new();
    private readonly Queue<(TimeSpan Period, Action<RailsSeen> Answer)> _asked = new();
    private readonly List<int> _told = new(MostTold);
    private WakeUp? _wake;
    private bool _isStarted;
    private TimeSpan? _period;
    private double _supShare = double.NaN;
    private long _due, _sleepsUntil = long.MinValue;
    private long _reading;
    private RailsSeen? _seen;

    // What the kernel has told of their links, and in which reading: the next one sees it.
    private bool? _soutNews, _supNews;
    private long _newsReading;
    private Rail? _stuck;
    private bool _isStuckTold, _mustOpen, _isFollowed, _isEnding;

    public RailReader(RailPair pair, EventLoop loop, ILogger<RailPair> log)
    {
        _pair = pair;
        _loop = loop;
        _log = log;
        _links = new LinkEvents(loop, log);
        _overdue = loop.CreateTimer(LookWhetherStuck);
        _complaints = new FloodGate(loop.Time, limit: 5, BetweenComplaints);
        _linkChanged = LinkChanged;
        _thread = new Thread(Run, maxStackSize: 256 * 1024) { Name = "mpib-rails", IsBackground = true };
    }

    /// <summary>
    /// Called with what was found, in the pace of <see cref="Start"/>, on the thread that reads; and on the loop's when a rail is out since it does not answer.
    /// </summary>
    public Action<RailsSeen>? Found { get; set; }

    /// <summary>Rail 0: of it only what the settings say is for the loop's thread.</summary>
    public Rail Sout => _pair.Sout;

    /// <summary>Rail 1.</summary>
    public Rail Sup => _pair.Sup;

    /// <summary>Whether it reads in a pace.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Looks for both rails and says in the log what there is.</summary>
    public void Open()
    {
        lock (_gate)
        {
            _mustOpen = true;
            Wake();
        }
    }

    /// <summary>Reads from now on, the first time at once or after a period; links that change are looked at when the kernel tells of them.</summary>
    public void Start(TimeSpan period, bool atOnce)
    {
        _links.Open(_linkChanged);
        bool isStuck;
        lock (_gate)
        {
            (_period, _due, _isFollowed) = (period, atOnce ? long.MinValue : After(period), _links.IsOpen);

            // What happened while nobody listened: the first reading looks at links and rates.
            _told.Clear();
            _told.Add(LinkEvents.Any);
            isStuck = _stuck is not null;
            Wake();
        }

        // A rail that still does not answer is out from the first decision on.
        _overdue.Arm(isStuck ? TimeSpan.Zero : atOnce ? Patience : period + Patience);
        IsRunning = true;
    }

    /// <summary>Goes on in this pace, and tells by which share a counter has to move.</summary>
    public void GoOn(TimeSpan period, double supShare)
    {
        lock (_gate)
        {
            _supShare = supShare;
            _isFollowed = _links.IsOpen;
            if (_period != period)
            {
                (_period, _due) = (period, After(period));
                if (_due < _sleepsUntil)
                {
                    Wake();
                }
            }
        }
    }

    /// <summary>Reads no more of itself.</summary>
    public void Stop()
    {
        IsRunning = false;
        _links.Close();
        _overdue.Disarm();
        lock (_gate)
        {
            // What was seen beside a rail that does not answer is the best there is until it does.
            _period = null;
            _seen = _stuck is null ? null : _seen;
            (_soutNews, _supNews, _isFollowed) = (null, null, false);
        }
    }

    /// <summary>Reads once and calls <paramref name="answer"/>; never, if a rail does not answer. <paramref name="period"/> is what a reading must be short against.</summary>
    public void Ask(TimeSpan period, Action<RailsSeen> answer)
    {
        lock (_gate)
        {
            _asked.Enqueue((period, answer));
            Wake();
        }

        if (!_isStarted)
        {
            ArmBy(After(Patience));
        }
    }

    /// <summary>Ends the thread, unless it hangs in a read: the process ends without it.</summary>
    public void Dispose()
    {
        bool isStarted;
        lock (_gate)
        {
            _isEnding = true;
            isStarted = _isStarted;
            if (isStarted)
            {
                Wake();
            }
        }

        _links.Dispose();
        if (!isStarted || _thread.Join(Patience))
        {
            _pair.Dispose();
            _wake?.Dispose();
        }
    }

    /// <summary>
    /// Under the lock. The thread is made when it first has something to do; where the system has none to give, <see cref="LookWhetherStuck"/> tries again:
    /// who calls may be in the middle of a registration, which is no matter of this.
    /// </summary>
    private void Wake()
    {
        try
        {
            _wake ??= WakeUp.TryMake();
            if (!_isStarted && _wake is not null)
            {
                _thread.Start();
                _isStarted = true;
            }
        }
        catch (Exception fault) when (fault is OutOfMemoryException or ThreadStartException)
        {
            return;
        }

        _wake?.Signal();
    }

    /// <summary>No later than this: news that come all the time must not put it off for ever.</summary>
    private void ArmBy(long timestamp) => _overdue.ArmAt(Math.Min(_overdue.Due, timestamp));

    private void LinkChanged(int index, bool isUp)
    {
        bool isStuck;
        lock (_gate)
        {
            // Containers come and go: of others' interfaces the thread is not told.
            if (_seen is { } seen && index != LinkEvents.Any && index != seen.Sout.InterfaceIndex && index != seen.Sup.InterfaceIndex)
            {
                return;
            }

            if (index != LinkEvents.Any)
            {
                _newsReading = _reading;
                _soutNews = index == _seen?.Sout.InterfaceIndex ? isUp : _soutNews;
                _supNews = index == _seen?.Sup.InterfaceIndex ? isUp : _supNews;
            }

            isStuck = _stuck is not null;
            if (_told.Count == MostTold)
            {
                _told.Clear();
                index = LinkEvents.Any;
            }

            _told.Add(index);
            Wake();
        }

        // While one rail does not answer nobody reads the other one: then the news are all there is.
        ArmBy(isStuck ? _loop.Time.GetTimestamp() : After(Patience));
    }

    private long After(TimeSpan time) => _loop.Time.GetTimestamp() + Ticks(time);

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _loop.Time.TimestampFrequency);
}
