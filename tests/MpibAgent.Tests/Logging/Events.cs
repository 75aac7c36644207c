using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Parsing;

namespace MpibAgent.Tests.Logging;

/// <summary>Log events to try the sinks with.</summary>
internal static class Events
{
    public static readonly DateTimeOffset Evening = new(2026, 3, 1, 20, 29, 48, TimeSpan.FromHours(1));

    public static LogEvent Of(string template, params (string Name, object? Value)[] properties) =>
        Of(LogEventLevel.Information, null, template, properties);

    public static LogEvent Of(
        LogEventLevel level, Exception? exception, string template, params (string Name, object? Value)[] properties) =>
        new(Evening, level, exception, new MessageTemplateParser().Parse(template),
            properties.Select(p => new LogEventProperty(p.Name, p.Value as LogEventPropertyValue ?? new ScalarValue(p.Value))));

    /// <summary>The event that Serilog makes of a call.</summary>
    public static LogEvent Logged(Action<ILogger> call)
    {
        var sink = new ListSink();
        using var log = new LoggerConfiguration().MinimumLevel.Verbose().WriteTo.Sink(sink).CreateLogger();
        call(log);
        return sink.Events.Single();
    }

    internal sealed class ListSink : ILogEventSink
    {
        public List<LogEvent> Events { get; } = [];

        public void Emit(LogEvent logEvent) => Events.Add(logEvent);
    }
}
