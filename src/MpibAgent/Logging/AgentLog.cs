using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Configuration;
using Serilog.Debugging;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>Sets the log up: where it goes and from which level on, behind a queue so that no write of it makes the loop wait.</summary>
internal static class AgentLog
{
    public static IServiceCollection AddAgentLog(this IServiceCollection services, LogOptions options)
    {
        var toJournal = options.Target == LogTarget.Journal || (options.Target == LogTarget.Auto && (JournalStream.IsConnected || JournalStream.IsMissing));
        var queue = toJournal ? new BackgroundSink(new JournaldSink()) : ToConsole(options);

        // Where Serilog says that it could not make a line of something, for want of memory mostly.
        SelfLog.Enable(_ => queue.CountLost());
        var logger = new LoggerConfiguration()
            .MinimumLevel.Is(options.Level switch
            {
                LogLevelName.Debug => LogEventLevel.Debug,
                LogLevelName.Info => LogEventLevel.Information,
                LogLevelName.Warning => LogEventLevel.Warning,
                _ => LogEventLevel.Error,
            })
            // The host's own lines say in many what ours say in one.
            .MinimumLevel.Override("Microsoft", LogEventLevel.Fatal)
            .WriteTo.Sink(queue)
            .CreateLogger();
        services.AddSerilog(logger, dispose: true);
        var serilog = services.Last(service => service.ServiceType == typeof(ILoggerFactory)).ImplementationFactory!;
        return services.AddSingleton<ILoggerFactory>(provider => new LossyLoggerFactory((ILoggerFactory)serilog(provider), queue, TimeProvider.System));
    }

    private static BackgroundSink ToConsole(LogOptions options)
    {
        // The stream locks Console.Out, which opens a descriptor of its own: now, since with the first line there may be none left.
        _ = Console.Out;
        var console = new ConsoleSink(new ConsoleLine(withStackTraces: options.Level == LogLevelName.Debug), Console.OpenStandardOutput());
        return new BackgroundSink(console, console.Flush);
    }
}
