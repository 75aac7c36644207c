using Serilog.Core;
using Serilog.Events;

namespace MpibAgent.Tests.Logging;

/// <summary>A sink that lets nothing pass until it is opened.</summary>
internal sealed class GatedSink(bool isOpen) : ILogEventSink, IDisposable
{
    private readonly ManualResetEventSlim _gate = new(isOpen);
    private readonly List<LogEvent> _events = [];

    public Func<LogEvent, bool> Fails { get; init; } = _ => false;

    // A test that waits must not go on upon the thread that it watches.
    public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Disposed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string? ThreadName { get; private set; }

    public LogEvent[] Events
    {
        get
        {
            lock (_events)
            {
                return [.. _events];
            }
        }
    }

    public IEnumerable<string> Lines => Events.Select(e => e.RenderMessage());

    public void Open() => _gate.Set();

    public void Emit(LogEvent logEvent)
    {
        ThreadName = Thread.CurrentThread.Name;
        Entered.TrySetResult();
        _gate.Wait();
        if (Fails(logEvent))
        {
            throw new IOException("the disk is full");
        }

        lock (_events)
        {
            _events.Add(logEvent);
        }
    }

    public void Dispose() => Disposed.SetResult();
}
