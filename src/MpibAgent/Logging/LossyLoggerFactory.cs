using Microsoft.Extensions.Logging;

namespace MpibAgent.Logging;

/// <summary>
/// Loggers that leave the making of a line to the thread of <paramref name="queue"/>, and never throw for want of memory: whoever logs has done something
/// already, and must not be stopped between that and the rest of it. The line is counted, and the queue says in the log how many are missing. Any
/// thread may log.
/// </summary>
internal sealed class LossyLoggerFactory(ILoggerFactory factory, BackgroundSink queue, TimeProvider time) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new LossyLogger(factory.CreateLogger(categoryName), queue, time);

    public void AddProvider(ILoggerProvider provider) => factory.AddProvider(provider);

    public void Dispose() => factory.Dispose();

    private sealed class LossyLogger(ILogger logger, BackgroundSink queue, TimeProvider time) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logger.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            try
            {
                if (logger.IsEnabled(logLevel))
                {
                    queue.Add(new LineToMake<TState>(logger, logLevel, eventId, state, exception, formatter, time.GetUtcNow()));
                }
            }
            catch (OutOfMemoryException)
            {
                queue.CountLost();
            }
        }
    }
}
