using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace MpibAgent.Tests;

/// <summary>Keeps the log's lines for the test to look at.</summary>
internal sealed class CapturedLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<(string Event, string Message)> _lines = new();

    public IEnumerable<(string Event, string Message)> Lines => _lines;

    public ILogger<T> For<T>() => LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(this)).CreateLogger<T>();

    public int Count(string eventName) => _lines.Count(line => line.Event == eventName);

    public string Single(string eventName) => Assert.Single(_lines, line => line.Event == eventName).Message;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Name ?? "", formatter(state, exception)));

    public void Dispose()
    {
    }
}
