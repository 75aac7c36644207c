using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using MpibAgent.Policy;

namespace MpibAgent.Rails;

/// <content>What the thread does: it looks at the rails when it is time, or sleeps.</content>
internal sealed partial class RailReader
{
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

        var found = _pair.Read(asked.Period, supShare, isFollowed);
        var isForPolicy = false;
        Rail? answers;
        bool isTold;
        lock (_gate)
        {
            (answers, _stuck) = (_stuck, null);
            isTold = _isStuckTold;
            if (asked.Answer is { } answer)
            {
                // Taken off when it is answered: without memory for that it is read once more.
                Hand(found, answer);
                _asked.Dequeue();
            }
            else if (_period is { } pace)
            {
                isForPolicy = true;
                _seen = found;
                (_soutNews, _supNews) = _newsReading < _reading ? (null, null) : (_soutNews, _supNews);
                _due = After(pace);
            }

            // Nobody looks any more, and by the next job it is old.
            _seen = _period is null ? null : _seen;
        }

        if (answers is not null)
        {
            if (isTold)
            {
                Log.RailAnswers(_log, answers.Label, answers.Device);
            }

            // It may be from before it hung: who counts from it how long the rail has been up again counts from now.
            found = found with
            {
                Sample = found.Sample with
                {
                    Time = _loop.Time.GetElapsedTime(0),
                    Sout = found.Sample.Sout with { TxBytes = null },
                    Sup = found.Sample.Sup with { TxBytes = null },
                },
            };
        }

        if (isForPolicy)
        {
            Found?.Invoke(found);
        }

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

    private const short PollIn = 1;

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);
}
