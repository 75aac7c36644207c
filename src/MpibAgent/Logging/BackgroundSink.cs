using Microsoft.Extensions.Logging;
using Serilog.Core;
using Serilog.Debugging;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>
/// A bounded queue and a thread before a sink that can block: journald that hangs, a terminal stopped with Ctrl-S. Add and Emit neither wait for
/// the sink nor throw; the event loop calls them, any thread may. Owns the sink, which only its own thread touches.
/// </summary>
/// <remarks>
/// Loggers add a <see cref="LineToMake"/>: its thread has Serilog make an event of it, which comes back here and goes on to the sink. An event that
/// another thread has made waits in the same queue.
/// The thread takes all that waits at once, so there are two lists that change places. When the one that fills is full, events are dropped
/// and counted, and the count is said in the log where the events would have been. The thread sleeps for good when
/// nothing is logged.
/// A line for which there was no memory is counted too; as soon as there is some, the log says how many.
/// After a burst the thread gives back what its lines took.
/// </remarks>
internal sealed class BackgroundSink : ILogEventSink, IDisposable
{
    private const int StackBytes = 256 * 1024;

    /// <summary>While lines come, the thread looks for them so often. A crash loses what came since; to look more often keeps the loop from its core.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// After so many lines, some 0.1 ms, the thread lets others have its core: where all cores are taken the loop, or a job, would else wait a slice of
    /// the scheduler, 3 ms, for lines that can wait. (A lower priority would do the same and take a system call that the sandbox keeps out.)
    /// </summary>
    private const int LinesInTurn = 8;

    /// <summary>So many lines leave some 5 MB that have outlived the collections meanwhile, and a process that sleeps has no other.</summary>
    private const int Burst = 8192;

    /// <summary>Only then is a burst over: to collect 50,000 connections' worth of heap stops the event loop for some 5 ms.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryWithoutMemory = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private readonly ILogEventSink _sink;
    private readonly Action? _flush;
    private readonly int _capacity;
    private readonly TimeSpan _drainTime;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private readonly FloodGate _losses;
    private List<object> _waiting = [];
    private long _dropped;
    private long _lost;
    private long _held;
    private long _sinceCollection;
    private bool _isIdle;
    private bool _isStopping;
    private volatile bool _isAbandoned;
    private DateTimeOffset _lineLogged;

    /// <summary>Starts the thread.</summary>
    /// <param name="sink">Where the events go. Disposed by the thread when it ends.</param>
    /// <param name="flush">Called by the thread after some lines, and before it waits for more: writes what the sink holds. Null for a sink that holds nothing.</param>
    /// <param name="capacity">The most events that wait; as many more can be on their way into the sink.</param>
    /// <param name="drainTime">The longest that Dispose waits for the events that wait; 500 ms if null.</param>
    /// <param name="time">The clock of the line about dropped events.</param>
    public BackgroundSink(ILogEventSink sink, Action? flush = null, int capacity = 16384, TimeSpan? drainTime = null, TimeProvider? time = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _sink = sink;
        _flush = flush;
        _capacity = capacity;
        _drainTime = drainTime ?? TimeSpan.FromMilliseconds(500);
        _time = time ?? TimeProvider.System;
        _losses = new FloodGate(_time, limit: 1, RetryWithoutMemory);
        _thread = new Thread(Run, StackBytes) { Name = "mpib-log", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Puts the line into the queue, or counts it when the queue is full.</summary>
    public void Add(LineToMake line) => Add(line, line.Level >= LogLevel.Error);

    /// <summary>Puts the event into the queue, or counts it when the queue is full. On the queue's own thread, which is making it of a line, writes it.</summary>
    public void Emit(LogEvent logEvent)
    {
        if (Thread.CurrentThread == _thread)
        {
            _sink.Emit(LineToMake.Timed(logEvent, _lineLogged));
            _held++;
        }
        else
        {
            Add(logEvent, logEvent.Level >= LogEventLevel.Error);
        }
    }

    private void Add(object line, bool isUrgent)
    {
        lock (_gate)
        {
            if (_isStopping || _waiting.Count >= _capacity)
            {
                _dropped++;
                return;
            }

            try
            {
                _waiting.Add(line);
            }
            catch (OutOfMemoryException)
            {
                CountLost();
                return;
            }

            // An error may be the last thing that is ever said, and room may run out: neither waits for the thread to look by itself.
            if (_isIdle || isUrgent || _waiting.Count == (_capacity + 1) / 2)
            {
                _isIdle = false;
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Counts a line for which there was no memory. Does not throw.</summary>
    public void CountLost()
    {
        Interlocked.Increment(ref _lost);
        try
        {
            lock (_gate)
            {
                if (_isIdle)
                {
                    _isIdle = false;
                    Monitor.Pulse(_gate);
                }
            }
        }
        catch (OutOfMemoryException)
        {
            // To wait for the lock takes some at its first time. Who has it will look at the count.
        }
    }

    /// <summary>Lets the thread write what waits, for a limited time. Events that come later are dropped.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopping = true;
            Monitor.Pulse(_gate);
        }

        // A sink that hangs has had its time. The thread does not keep the process alive.
        if (!_thread.Join(_drainTime))
        {
            _isAbandoned = true;
        }
    }

    private void Run()
    {
        var batch = new List<object>();
        while (TryTake(ref batch, out var dropped))
        {
            for (var i = 0; i < batch.Count && !_isAbandoned; i++)
            {
                Write(batch[i], 1, "");
                batch[i] = null!; // A long batch need not keep its events alive.
                if (i % LinesInTurn == LinesInTurn - 1)
                {
                    Flush();
                    Thread.Yield();
                }
            }

            Write(null, dropped, "the log could not keep up");
            if (Interlocked.Read(ref _lost) > 0 && _losses.Admit())
            {
                Write(null, Interlocked.Exchange(ref _lost, 0), "they could not be made or written; want of memory or a full disk is the usual reason");
            }

            Flush();
            batch.Clear();
        }

        (_sink as IDisposable)?.Dispose();
    }

    /// <summary>Waits for events, and gives an empty list for them. False when there is no more to come.</summary>
    private bool TryTake(ref List<object> batch, out long dropped)
    {
        dropped = 0;
        try
        {
            lock (_gate)
            {
                WaitForEvents();
                (batch, _waiting) = (_waiting, batch);
                (dropped, _dropped) = (_dropped, 0);
                _sinceCollection += batch.Count;
                return (batch.Count > 0 || dropped > 0 || !_isStopping) && !_isAbandoned;
            }
        }
        catch (OutOfMemoryException)
        {
            // See CountLost.
            return true;
        }
    }

    private void WaitForEvents()
    {
        // Another event is often near. To be woken for each would cost the event loop more than all the rest of a log line (7 us of
        // 8), so the thread looks once more on its own, and asks to be woken only when there was nothing for a while.
        if (_waiting.Count == 0 && !_isStopping)
        {
            Monitor.Wait(_gate, Linger);
        }

        while (_waiting.Count == 0 && !_isStopping && Interlocked.Read(ref _lost) == 0)
        {
            _isIdle = true;
            if (_sinceCollection < Burst)
            {
                Monitor.Wait(_gate);
            }
            else if (!Monitor.Wait(_gate, Quiet))
            {
                _sinceCollection = 0;
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }
        }

        // Memory that was missing a moment ago may be there in a second; until then nothing is tried for the sake of the count alone.
        if (_waiting.Count == 0 && !_isStopping)
        {
            _isIdle = true;
            Monitor.Wait(_gate, RetryWithoutMemory);
        }
    }

    /// <summary>Writes what waited, or without it that there were lines that nobody will see.</summary>
    private void Write(object? line, long lines, string reason)
    {
        if (lines == 0 || _isAbandoned)
        {
            return;
        }

        try
        {
            if (line is LineToMake toMake)
            {
                _lineLogged = toMake.Logged;
                toMake.Make();
            }
            else
            {
                _sink.Emit(line as LogEvent ?? LeftOut.Line(_time, lines, reason));
                _held += lines;
            }
        }
        catch (OutOfMemoryException)
        {
            Interlocked.Add(ref _lost, lines);
        }
        catch (Exception e)
        {
            SelfLog.WriteLine("{0}: {1}", _sink, e);
        }
    }

    private void Flush()
    {
        if (_held > 0 && !_isAbandoned)
        {
            try
            {
                _flush?.Invoke();
            }
            catch (Exception)
            {
                Interlocked.Add(ref _lost, _held);
            }

            _held = 0;
        }
    }
}
