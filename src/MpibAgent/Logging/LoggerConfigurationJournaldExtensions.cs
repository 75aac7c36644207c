using Serilog;
using Serilog.Configuration;
using Serilog.Core;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>What this room adds to WriteTo.</summary>
internal static class LoggerConfigurationJournaldExtensions
{
    /// <summary>Writes to journald, all scalar properties as fields. Blocks while journald does: see <see cref="BackgroundSink"/>.</summary>
    public static LoggerConfiguration Journald(
        this LoggerSinkConfiguration sinkConfiguration,
        LogEventLevel restrictedToMinimumLevel = LevelAlias.Minimum,
        LoggingLevelSwitch? levelSwitch = null,
        string path = JournalSocket.DefaultPath) =>
        sinkConfiguration.Sink(new JournaldSink(path), restrictedToMinimumLevel, levelSwitch);
}
