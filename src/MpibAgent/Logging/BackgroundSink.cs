using Serilog.Core;
using Serilog.Debugging;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>
/// A bounded queue and a thread before a sink that can block: journald that hangs, a terminal stopped with Ctrl-S. Emit neither waits for
/// the sink nor throws; the event loop calls it, any thread may. Owns the sink, which only its own thread touches.
/// </summary>
/// <remarks>
/// The thread takes all that waits at once, so there are two lists that change places. When the one that fills is full, events are dropped
/// and counted, and the count is said in the log where the events would have been. The thread sleeps for good when
/// nothing is logged.
/// </remarks>
internal sealed class BackgroundSink : ILogEventSink, IDisposable
{
    private const int StackBytes = 256 * 1024;

    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(2);

    private readonly object _gate = new();
    private readonly ILogEventSink _sink;
    private readonly int _capacity;
    private readonly TimeSpan _drainTime;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private List<LogEvent> _waiting = [];
    private long _dropped;
    private bool _isIdle;
    private bool _isStopping;
    private volatile bool _isAbandoned;

    /// <summary>Starts the thread.</summary>
    /// <param name="sink">Where the events go. Disposed by the thread when it ends.</param>
    /// <param name="capacity">The most events that wait; as many more can be on their way into the sink.</param>
    /// <param name="drainTime">The longest that Dispose waits for the events that wait; 500 ms if null.</param>
    /// <param name="time">The clock of the line about dropped events.</param>
    public BackgroundSink(ILogEventSink sink, int capacity = 16384, TimeSpan? drainTime = null, TimeProvider? time = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _sink = sink;
        _capacity = capacity;
        _drainTime = drainTime ?? TimeSpan.FromMilliseconds(500);
        _time = time ?? TimeProvider.System;
        _thread = new Thread(Run, StackBytes) { Name = "mpib-log", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Puts the event into the queue, or counts it when the queue is full.</summary>
    public void Emit(LogEvent logEvent)
    {
        lock (_gate)
        {
            if (_isStopping || _waiting.Count >= _capacity)
            {
                _dropped++;
                return;
            }

            _waiting.Add(logEvent);

            // An error may be the last thing that is ever said, and room may run out: neither waits for the thread to look by itself.
            if (_isIdle || logEvent.Level >= LogEventLevel.Error || _waiting.Count == (_capacity + 1) / 2)
            {
                _isIdle = false;
                Monitor.Pulse(_gate);
            }
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
        var batch = new List<LogEvent>();
        while (TryTake(ref batch, out var dropped))
        {
            for (var i = 0; i < batch.Count && !_isAbandoned; i++)
            {
                Write(batch[i]);
                batch[i] = null!; // A long batch need not keep its events alive.
            }

            if (dropped > 0 && !_isAbandoned)
            {
                Write(LeftOut.Line(_time, dropped, "the log could not keep up"));
            }

            batch.Clear();
        }

        (_sink as IDisposable)?.Dispose();
    }

    /// <summary>Waits for events, and gives an empty list for them. False when there is no more to come.</summary>
    private bool TryTake(ref List<LogEvent> batch, out long dropped)
    {
        lock (_gate)
        {
            // Another event is often near. To be woken for each would cost the event loop more than all the rest of a log line (7 us of
            // 8), so the thread looks once more on its own, and asks to be woken only when there was nothing for a while.
            if (_waiting.Count == 0 && !_isStopping)
            {
                Monitor.Wait(_gate, Linger);
            }

            while (_waiting.Count == 0 && !_isStopping)
            {
                _isIdle = true;
                Monitor.Wait(_gate);
            }

            (batch, _waiting) = (_waiting, batch);
            (dropped, _dropped) = (_dropped, 0);
            return (batch.Count > 0 || dropped > 0) && !_isAbandoned;
        }
    }

    private void Write(LogEvent logEvent)
    {
        try
        {
            _sink.Emit(logEvent);
        }
        catch (Exception e)
        {
            SelfLog.WriteLine("{0}: {1}", _sink, e);
        }
    }
}
