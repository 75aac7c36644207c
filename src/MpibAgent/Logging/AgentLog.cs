using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>Sets the log up: where it goes and from which level on, behind a queue so that no write of it makes the loop wait.</summary>
internal static class AgentLog
{
    public static Logger Create(LogOptions options)
    {
        var toJournal = options.Target == LogTarget.Journal || (options.Target == LogTarget.Auto && JournalStream.IsConnected);
        return new LoggerConfiguration()
            .MinimumLevel.Is(options.Level switch
            {
                LogLevelName.Debug => LogEventLevel.Debug,
                LogLevelName.Info => LogEventLevel.Information,
                LogLevelName.Warning => LogEventLevel.Warning,
                _ => LogEventLevel.Error,
            })
            // The host's own lines say in many what ours say in one.
            .MinimumLevel.Override("Microsoft", LogEventLevel.Fatal)
            .WriteTo.Background(sink => _ = toJournal ? sink.Journald() : sink.Console(new ConsoleLine(withStackTraces: options.Level == LogLevelName.Debug)))
            .CreateLogger();
    }
}
