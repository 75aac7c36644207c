using Serilog.Core;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>
/// Sends log events to journald. Emit blocks while journald is behind, up to a limit, so the sink belongs behind a
/// <see cref="BackgroundSink"/>. One thread at a time. What journald does not take is counted, and told to it when it is back.
/// </summary>
internal sealed class JournaldSink : ILogEventSink, IDisposable
{
    private readonly JournalEntry _entry = new();
    private readonly JournalSocket _socket;
    private readonly TimeProvider _time;
    private long _lost;

    /// <summary>A sink that sends to <paramref name="path"/>. Nobody needs to listen there yet.</summary>
    /// <param name="path">The socket's path.</param>
    /// <param name="sendTimeout">The longest that one event waits for a journald that does not read; 1 s if null.</param>
    /// <param name="time">The clock of the line about lost events.</param>
    /// <exception cref="ArgumentException">The path is too long for a socket.</exception>
    public JournaldSink(string path = JournalSocket.DefaultPath, TimeSpan? sendTimeout = null, TimeProvider? time = null)
    {
        _socket = new JournalSocket(path, sendTimeout ?? TimeSpan.FromSeconds(1));
        _time = time ?? TimeProvider.System;
    }

    /// <summary>Sends the event. A log that fails must not take the agent with it, so it throws for want of memory alone.</summary>
    public void Emit(LogEvent logEvent)
    {
        try
        {
            if (_lost > 0 && _socket.TrySend(_entry.Format(LeftOut.Line(_time, _lost, "journald did not take them"))))
            {
                _lost = 0;
            }

            // Where the line about the loss does not get through, the event would only wait for the timeout once more.
            if (_lost > 0 || !_socket.TrySend(_entry.Format(logEvent)))
            {
                _lost += LeftOut.LinesOf(logEvent);
            }
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            _lost += LeftOut.LinesOf(logEvent);
        }
    }

    /// <summary>Closes the socket. Events that come later are lost.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _entry.Dispose();
    }
}
