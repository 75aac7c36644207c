using System.Collections;
using Microsoft.Extensions.Logging;
using MpibAgent.Logging;
using Serilog;
using Serilog.Events;
using Serilog.Extensions.Logging;

namespace MpibAgent.Tests.Logging;

public sealed partial class LossyLoggerFactoryTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void A_line_is_made_by_the_logs_thread()
    {
        var sink = new GatedSink(isOpen: true);
        var fields = new Fields();
        using (var factory = Create(sink))
        {
            factory.CreateLogger("Room").Log(LogLevel.Warning, new EventId(7, "seven"), fields, new IOException("why"), (_, _) => "");
        }

        Assert.Equal("mpib-log", fields.ReadBy);
        var made = Assert.Single(sink.Events);
        Assert.Equal("number 1", made.RenderMessage());
        Assert.Equal(LogEventLevel.Warning, made.Level);
        Assert.Equal("why", made.Exception?.Message);
        Assert.Equal("Room", ((ScalarValue)made.Properties[EventText.SourceContext]).Value);
        Assert.Equal("7", ((StructureValue)made.Properties[EventText.EventId]).Properties.Single(p => p.Name == "Id").Value.ToString());
    }

    [Fact]
    public void A_line_that_waited_long_has_the_time_at_which_it_was_logged()
    {
        var sink = new GatedSink(isOpen: true);
        using (var factory = Create(sink, new FixedClock()))
        {
            Line(factory.CreateLogger("Room"), 5);
        }

        var made = Assert.Single(sink.Events);
        Assert.Equal(FixedClock.Now, made.Timestamp);
        Assert.Equal("line 5", made.RenderMessage());
        Assert.Contains(EventText.EventId, made.Properties);
    }

    [Fact]
    public void Lines_come_in_the_order_of_their_calls_whichever_logger_was_called()
    {
        var sink = new GatedSink(isOpen: true);
        using (var factory = Create(sink))
        {
            for (var i = 0; i < 1000; i++)
            {
                Line(factory.CreateLogger($"Room{i % 3}"), i);
            }
        }

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"line {i}"), sink.Lines);
    }

    [Fact]
    public void A_line_below_the_level_is_not_even_kept()
    {
        var sink = new GatedSink(isOpen: true);
        var fields = new Fields();
        using (var factory = Create(sink))
        {
            factory.CreateLogger("Room").Log(LogLevel.Debug, default, fields, null, (_, _) => "");
        }

        Assert.Empty(sink.Events);
        Assert.Null(fields.ReadBy);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_line_without_memory_is_counted_wherever_it_was_missing(bool atTheCall)
    {
        var sink = new GatedSink(isOpen: true);
        var queue = new BackgroundSink(sink, drainTime: Patience);
        var logger = new LossyLoggerFactory(new WithoutMemory(atTheCall), queue, TimeProvider.System).CreateLogger("Room");
        logger.Log(LogLevel.Information, default, "line 1", null, (line, _) => line);
        logger.Log(LogLevel.Information, default, "line 2", null, (line, _) => line);
        Wait.Until(() => sink.Events.Sum(e => (long)((ScalarValue)e.Properties["Count"]).Value!) == 2);
        queue.Dispose();
    }

    [LoggerMessage(3, LogLevel.Information, "line {Number}")]
    private static partial void Line(Microsoft.Extensions.Logging.ILogger log, int number);

    private static LossyLoggerFactory Create(GatedSink sink, TimeProvider? time = null)
    {
        var queue = new BackgroundSink(sink, drainTime: Patience);
        var serilog = new LoggerConfiguration().WriteTo.Sink(queue).CreateLogger();
        return new LossyLoggerFactory(new SerilogLoggerFactory(serilog, dispose: true), queue, time ?? TimeProvider.System);
    }

    private sealed class FixedClock : TimeProvider
    {
        public static readonly DateTimeOffset Now = new(2026, 3, 1, 20, 29, 48, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class Fields : IEnumerable<KeyValuePair<string, object>>
    {
        public string? ReadBy { get; private set; }

        public IEnumerator<KeyValuePair<string, object>> GetEnumerator()
        {
            ReadBy = Thread.CurrentThread.Name;
            yield return new("{OriginalFormat}", "number {Number}");
            yield return new("Number", 1);
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    private sealed class WithoutMemory(bool atTheCall) : ILoggerFactory, Microsoft.Extensions.Logging.ILogger
    {
        public Microsoft.Extensions.Logging.ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => atTheCall ? throw new InsufficientMemoryException() : true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new InsufficientMemoryException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
