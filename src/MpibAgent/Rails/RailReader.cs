using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
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
    /// <summary>A reading that has not come back for so long does not count as slow any more: its rail is out.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>After a pause of the whole process a reading looks old that has only just begun to run again.</summary>
    private static readonly TimeSpan SecondLook = TimeSpan.FromMilliseconds(100);

    /// <summary>News of links that wait for the thread; more are taken as one of any link.</summary>
    private const int MostTold = 16;

    private readonly RailPair _pair;
    private readonly EventLoop _loop;
    private readonly ILogger _log;
    private readonly LinkEvents _links;
    private readonly LoopTimer _overdue;
    private readonly Action<int> _linkChanged;
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
    private long _reading, _readingSince;
    private RailsSeen? _seen;
    private Rail? _stuck;
    private bool _mustOpen, _isFollowed, _isEnding;

    public RailReader(RailPair pair, EventLoop loop, ILogger<RailPair> log)
    {
        _pair = pair;
        _loop = loop;
        _log = log;
        _links = new LinkEvents(loop, log);
        _overdue = loop.CreateTimer(LookWhetherStuck);
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
        IsRunning = true;
        _links.Open(_linkChanged);
        lock (_gate)
        {
            (_period, _due, _isFollowed) = (period, atOnce ? long.MinValue : After(period), _links.IsOpen);
            Wake();
        }

        _overdue.Arm(atOnce ? Patience : period + Patience);
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
            _period = null;
            _seen = null;
            _stuck = null;
            _isFollowed = false;
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
        catch (OutOfMemoryException)
        {
            return;
        }

        _wake?.Signal();
    }

    private void LinkChanged(int index)
    {
        lock (_gate)
        {
            // Containers come and go: of others' interfaces the thread is not told.
            if (_seen is { } seen && index != LinkEvents.Any && index != seen.Sout.InterfaceIndex && index != seen.Sup.InterfaceIndex)
            {
                return;
            }

            if (_told.Count == MostTold)
            {
                _told.Clear();
                index = LinkEvents.Any;
            }

            _told.Add(index);
            Wake();
        }

        _overdue.Arm(Patience);
    }

    /// <summary>Nothing was found for longer than it should take.</summary>
    private void LookWhetherStuck()
    {
        long reading, since, due;
        Rail? rail;
        lock (_gate)
        {
            if (!_isStarted)
            {
                Wake();
            }

            (reading, since, due, rail) = (_reading, _readingSince, _due, _pair.Reading);
        }

        if (rail is null)
        {
            _overdue.ArmAt(Math.Max(due, _loop.Time.GetTimestamp()) + Ticks(Patience));
            return;
        }

        if ((reading, rail) != _suspect || _loop.Time.GetElapsedTime(since) < Patience)
        {
            _suspect = (reading, rail);
            _overdue.Arm(SecondLook);
            return;
        }

        // Again and again: when it comes back the read of the other one may not, and flows may be others than before.
        _overdue.Arm(Patience);
        RailsSeen before;
        bool isNews;
        lock (_gate)
        {
            if (reading != _reading)
            {
                return;
            }

            (isNews, _stuck) = (rail != _stuck, rail);
            before = _seen ?? new RailsSeen(new Observation(default, new RailSample { IsUp = true }, new RailSample { IsUp = true }), default, default);
        }

        if (isNews)
        {
            Log.RailStuck(_log, rail.Label, rail.Device, _loop.Time.GetElapsedTime(since).TotalSeconds);
        }

        Found?.Invoke(new RailsSeen(
            before.Sample with
            {
                Time = _loop.Time.GetElapsedTime(0),
                Sout = before.Sample.Sout with { IsUp = rail != Sout && before.Sample.Sout.IsUp, TxBytes = null },
                Sup = before.Sample.Sup with { IsUp = rail != Sup && before.Sample.Sup.IsUp, TxBytes = null },
                TellsLinks = false,
            },
            before.Sout with { IsStuck = rail == Sout }, before.Sup with { IsStuck = rail == Sup }));
    }

    private void Run()
    {
        while (true)
        {
            try
            {
                if (!TakeTurn())
                {
                    return;
                }
            }
            catch (OutOfMemoryException)
            {
                // The next reading may find some.
                Sleep((int)SecondLook.TotalMilliseconds);
            }
            catch (Exception bug)
            {
                // The loop ends the agent for one.
                _ = _loop.TryPost(() => ExceptionDispatchInfo.Throw(bug));
                return;
            }
        }
    }

    /// <summary>Does what there is to do, or sleeps until there is something; false at the end.</summary>
    private bool TakeTurn()
    {
        int? left = null;
        var (mustOpen, isFollowed, supShare) = (false, false, double.NaN);
        (TimeSpan Period, Action<RailsSeen>? Answer) asked = default;
        lock (_gate)
        {
            _sleepsUntil = long.MinValue;
            if (_isEnding)
            {
                return false;
            }

            if (!IsAnythingToDo())
            {
                _sleepsUntil = _period is null ? long.MaxValue : _due;
                left = _period is null ? Timeout.Infinite : MillisecondsTo(_due);
            }
            else
            {
                (mustOpen, _mustOpen) = (_mustOpen, false);
                isFollowed = _isFollowed;
                if (mustOpen || !_asked.TryPeek(out asked!))
                {
                    asked = (_period ?? TimeSpan.Zero, null);
                    supShare = _supShare;
                }

                _reading++;
                _readingSince = _loop.Time.GetTimestamp();
            }
        }

        if (left is { } milliseconds)
        {
            Sleep(milliseconds);
            return true;
        }

        if (mustOpen)
        {
            _pair.Open();
            return true;
        }

        var found = _pair.Look(asked.Period, supShare, isFollowed);
        Rail? answers;
        lock (_gate)
        {
            if (asked.Answer is { } answer)
            {
                // Taken off when it is answered: without memory for that it is read once more.
                Hand(found, answer);
                _asked.Dequeue();
                return true;
            }

            if (_period is not { } pace)
            {
                return true;
            }

            _seen = found;
            _due = After(pace);
            (answers, _stuck) = (_stuck, null);
        }

        if (answers is not null)
        {
            Log.RailAnswers(_log, answers.Label, answers.Device);
        }

        Found?.Invoke(found);
        return true;
    }

    /// <summary>Of its own: what is captured is made anew, and only here.</summary>
    private void Hand(RailsSeen found, Action<RailsSeen> answer) => _ = _loop.TryPost(() => answer(found));

    private bool IsAnythingToDo()
    {
        var isTold = false;
        foreach (var index in _told)
        {
            isTold |= _pair.Tell(index);
        }

        _told.Clear();
        if (isTold)
        {
            _due = long.MinValue;
        }

        return _mustOpen || _asked.Count > 0 || (_period is not null && _loop.Time.GetTimestamp() >= _due);
    }

    /// <summary>Until somebody calls <see cref="Wake"/>, which also counts when it was before.</summary>
    private void Sleep(int milliseconds)
    {
        var wake = new PollDescriptor { Descriptor = _wake!.Descriptor, Events = PollIn };
        if (Poll(ref wake, 1, milliseconds) > 0)
        {
            _wake.Take();
        }
    }

    /// <summary>Rounded up, so that it does not turn in vain just before it is due.</summary>
    private int MillisecondsTo(long due) =>
        (int)Math.Clamp(Math.Ceiling((due - _loop.Time.GetTimestamp()) * 1e3 / _loop.Time.TimestampFrequency), 0, int.MaxValue);

    private long After(TimeSpan time) => _loop.Time.GetTimestamp() + Ticks(time);

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _loop.Time.TimestampFrequency);

    private const short PollIn = 1;

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);
}
