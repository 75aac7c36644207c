using Serilog.Events;
using Serilog.Parsing;

namespace MpibAgent.Logging;

/// <summary>The one line that stands in the log for lines that do not.</summary>
internal static class LeftOut
{
    /// <summary>The first id of the block of this room; the ids of all other messages are in Log.cs.</summary>
    public const int EventId = 900;

    private static readonly MessageTemplate Template = new MessageTemplateParser().Parse("{Count} log lines were left out: {Reason:l}");

    private static readonly LogEventProperty[] Constants =
    [
        new(EventText.SourceContext, new ScalarValue(typeof(LeftOut).Namespace)),
        new(EventText.EventId, new StructureValue(
        [
            new("Id", new ScalarValue(EventId)),
            new("Name", new ScalarValue("log-lines-left-out")),
        ])),
    ];

    /// <summary>"<paramref name="count"/> log lines were left out: <paramref name="reason"/>", at Warning.</summary>
    public static LogEvent Line(TimeProvider time, long count, string reason) =>
        new(time.GetLocalNow(), LogEventLevel.Warning, null, Template,
            [.. Constants, new("Count", new ScalarValue(count)), new("Reason", new ScalarValue(reason))]);

    /// <summary>How many lines an event stands for.</summary>
    public static long LinesOf(LogEvent logEvent) =>
        ReferenceEquals(logEvent.MessageTemplate, Template) && logEvent.Properties["Count"] is ScalarValue { Value: long count } ? count : 1;
}
