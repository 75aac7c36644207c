using Microsoft.Extensions.Logging;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>
/// A call of a logger, kept to be made by the log's thread: the line's text and fields take longer than all the rest of a registration.
/// The values are those of the call; none of them changes later.
/// </summary>
/// <param name="level">The line's level.</param>
/// <param name="logged">When it was logged, UTC.</param>
internal abstract class LineToMake(LogLevel level, DateTimeOffset logged)
{
    /// <summary>Below this the event's own time will do; a log that hangs would make all that waited say when it came back.</summary>
    private static readonly TimeSpan Close = TimeSpan.FromMilliseconds(100);

    /// <summary>The line's level.</summary>
    public LogLevel Level => level;

    /// <summary>When it was logged, UTC.</summary>
    public DateTimeOffset Logged => logged;

    /// <summary>Makes the call.</summary>
    public abstract void Make();

    /// <summary>The event with the time at which its line was logged.</summary>
    public static LogEvent Timed(LogEvent logEvent, DateTimeOffset logged) => (logEvent.Timestamp - logged).Duration() < Close
        ? logEvent
        : new LogEvent(logged.ToLocalTime(), logEvent.Level, logEvent.Exception, logEvent.MessageTemplate,
            logEvent.Properties.Select(property => new LogEventProperty(property.Key, property.Value)));
}

/// <inheritdoc/>
internal sealed class LineToMake<TState>(ILogger logger, LogLevel level, EventId id, TState state, Exception? exception,
    Func<TState, Exception?, string> formatter, DateTimeOffset logged) : LineToMake(level, logged)
{
    /// <inheritdoc/>
    public override void Make() => logger.Log(Level, id, state, exception, formatter);
}
