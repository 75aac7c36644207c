using System.Globalization;
using Serilog.Events;

namespace MpibAgent.Logging;

/// <summary>
/// A log event as an entry of the journal. Pure: events in, bytes out, over one buffer that is used again. Owned by a
/// <see cref="JournaldSink"/>, one event at a time.
/// </summary>
internal sealed class JournalEntry : IDisposable
{
    /// <summary>
    /// MESSAGE_ID names the kind of an event across versions, for journalctl MESSAGE_ID= and for catalogs. Ours are these 112 bits,
    /// drawn once and never to be changed, and then the event id in 16 bits: event 0x0107 is 1f6f1607f3f04ae1b17b94a070ee0107.
    /// </summary>
    private const string MessageIdBase = "1f6f1607f3f04ae1b17b94a070ee";

    private readonly JournalFields _fields = new();

    /// <summary>The entry of <paramref name="logEvent"/>; valid until the next call.</summary>
    public ReadOnlySpan<byte> Format(LogEvent logEvent)
    {
        _fields.Clear();
        _fields.Begin("MESSAGE"u8);
        EventText.WriteMessage(logEvent, _fields);
        _fields.End();
        _fields.Add("PRIORITY"u8, Priority(logEvent.Level));
        _fields.Add("SYSLOG_IDENTIFIER"u8, "mpib-agent");
        if (EventText.Component(logEvent) is { Length: > 0 } component)
        {
            _fields.Add("MPIB_COMPONENT"u8, component);
        }

        foreach (var (name, value) in logEvent.Properties)
        {
            AddProperty(logEvent, name, value);
        }

        if (logEvent.Exception is { } exception)
        {
            _fields.Add("MPIB_EXCEPTION"u8, exception.ToString());
        }

        return _fields.Bytes;
    }

    /// <summary>The MESSAGE_ID of one of our events; deploy/mpib-agent.catalog explains it.</summary>
    public static string MessageId(int eventId) => string.Create(CultureInfo.InvariantCulture, $"{MessageIdBase}{eventId:x4}");

    /// <inheritdoc/>
    public void Dispose() => _fields.Dispose();

    /// <summary>The levels of syslog(3). The agent has no use for those between and beyond.</summary>
    private static string Priority(LogEventLevel level) => level switch
    {
        LogEventLevel.Fatal => "2",
        LogEventLevel.Error => "3",
        LogEventLevel.Warning => "4",
        LogEventLevel.Information => "6",
        _ => "7",
    };

    private void AddProperty(LogEvent logEvent, string property, LogEventPropertyValue value)
    {
        if (property == EventText.EventId && value is StructureValue eventId)
        {
            AddEventId(logEvent, eventId);
            return;
        }

        // Lists and structures stay words of the message; a field is for what can be searched for.
        Span<byte> name = stackalloc byte[JournalFieldName.MaxLength];
        if (property != EventText.SourceContext && value is ScalarValue { Value: { } scalar }
            && JournalFieldName.TryWrite(property, name, out var length))
        {
            _fields.Add(name[..length], Text(scalar));
        }
    }

    private void AddEventId(LogEvent logEvent, StructureValue eventId)
    {
        foreach (var part in eventId.Properties)
        {
            switch (part.Name, (part.Value as ScalarValue)?.Value)
            {
                case ("Name", string name):
                    _fields.Add("MPIB_EVENT"u8, name);
                    break;

                // A library numbers its events as it likes; only ours have numbers that mean one thing.
                case ("Id", int id and > 0 and <= ushort.MaxValue) when EventText.IsOurs(logEvent):
                    _fields.Add("MESSAGE_ID"u8, MessageId(id));
                    break;
            }
        }
    }

    private static string? Text(object scalar) => scalar switch
    {
        string text => text,
        DateTime or DateTimeOffset => ((IFormattable)scalar).ToString("O", CultureInfo.InvariantCulture),
        _ => Convert.ToString(scalar, CultureInfo.InvariantCulture),
    };
}
