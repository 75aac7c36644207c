using System.Globalization;
using System.Text;
using Serilog.Events;
using Serilog.Formatting;

namespace MpibAgent.Logging;

/// <summary>
/// A log event as a line for people: "20:29:48 warn  Registration: the message: IOException: what went wrong". One event is one line,
/// whatever it says: what could move a terminal's cursor, break the line or turn its direction is written as a number. Stack traces follow,
/// indented, for events at Debug and below, or for all events on request. Any thread may format.
/// </summary>
/// <param name="withStackTraces">Every exception is followed by its stack: for an agent that is told to log at Debug.</param>
internal sealed class ConsoleLine(bool withStackTraces = false) : ITextFormatter
{
    /// <inheritdoc/>
    public void Format(LogEvent logEvent, TextWriter output)
    {
        output.Write(logEvent.Timestamp.ToString("HH:mm:ss ", CultureInfo.InvariantCulture));
        output.Write(Word(logEvent.Level));
        if (EventText.Component(logEvent) is { Length: > 0 } component)
        {
            WriteSafely(component, output);
            output.Write(": ");
        }

        using var message = new StringWriter(CultureInfo.InvariantCulture);
        EventText.WriteMessage(logEvent, message);
        WriteSafely(message.ToString(), output);
        output.Write('\n');
        if (logEvent.Exception is { } exception && (withStackTraces || logEvent.Level <= LogEventLevel.Debug))
        {
            foreach (var line in exception.ToString().AsSpan().EnumerateLines())
            {
                output.Write("    ");
                WriteSafely(line.TrimStart(), output);
                output.Write('\n');
            }
        }
    }

    private static string Word(LogEventLevel level) => level switch
    {
        LogEventLevel.Fatal => "fatal ",
        LogEventLevel.Error => "error ",
        LogEventLevel.Warning => "warn  ",
        LogEventLevel.Information => "info  ",
        LogEventLevel.Debug => "debug ",
        _ => "trace ",
    };

    private static void WriteSafely(ReadOnlySpan<char> text, TextWriter output)
    {
        Span<char> units = stackalloc char[2];
        while (!text.IsEmpty)
        {
            // Nearly all lines are plain from end to end; one by one their characters took a third of this thread's time.
            var plain = text.IndexOfAnyExceptInRange(' ', '~');
            output.Write(plain < 0 ? text : text[..plain]);
            if (plain < 0)
            {
                return;
            }

            _ = Rune.DecodeFromUtf16(text[plain..], out var rune, out var length);
            text = text[(plain + length)..];
            if (IsSafe(rune))
            {
                output.Write(units[..rune.EncodeToUtf16(units)]);
            }
            else
            {
                output.Write(rune.Value <= 0xFF ? $"\\x{rune.Value:x2}" : $"\\u{{{rune.Value:x}}}");
            }
        }
    }

    private static bool IsSafe(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
