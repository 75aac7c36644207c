using System.Globalization;
using System.Text;
using CsCheck;
using Microsoft.Extensions.Logging;
using MpibAgent.Logging;
using Serilog.Events;
using Serilog.Extensions.Logging;

namespace MpibAgent.Tests.Logging;

public sealed partial class JournalEntryTests
{
    private static readonly int[] List = [1, 2];

    [Fact]
    public void An_event_is_these_bytes()
    {
        var bytes = Format(Events.Of("slot {Slot} for {Src}", ("Slot", 7), ("Src", "10.0.1.2"),
            ("SourceContext", "MpibAgent.Registration.Listener"), ("EventId", EventId(263, "Registered"))));

        Assert.Equal(
            """
            MESSAGE=slot 7 for 10.0.1.2
            PRIORITY=6
            SYSLOG_IDENTIFIER=mpib-agent
            MPIB_COMPONENT=Listener
            MPIB_SLOT=7
            MPIB_SRC=10.0.1.2
            MESSAGE_ID=1f6f1607f3f04ae1b17b94a070ee0107
            MPIB_EVENT=Registered

            """,
            Encoding.UTF8.GetString(bytes));
    }

    [Fact]
    public void A_value_with_newlines_goes_with_its_length()
    {
        var bytes = Format(Events.Of("{Text}", ("Text", "one\ntwo")));

        Assert.Equal(
            "MESSAGE\n\x07\0\0\0\0\0\0\0one\ntwo\nPRIORITY=6\nSYSLOG_IDENTIFIER=mpib-agent\nMPIB_TEXT\n\x07\0\0\0\0\0\0\0one\ntwo\n",
            Encoding.UTF8.GetString(bytes));
    }

    [Theory]
    [InlineData("x\n_UID=0\nMESSAGE=all is well\n")]
    [InlineData("x\nMESSAGE\n\x03\0\0\0\0\0\0\0yes\n")]
    [InlineData("\n")]
    [InlineData("=")]
    [InlineData("")]
    public void A_value_cannot_begin_another_field(string forged)
    {
        var fields = Fields(Events.Of("peer said {Text}", ("Text", forged), ("Slot", 1)));

        Assert.Equal(
            [
                ("MESSAGE", "peer said " + forged), ("PRIORITY", "6"), ("SYSLOG_IDENTIFIER", "mpib-agent"),
                ("MPIB_TEXT", forged), ("MPIB_SLOT", "1"),
            ],
            fields);
    }

    [Fact]
    public void Any_values_come_back_as_exactly_their_fields()
    {
        // Letters that are in use by the protocol, and those that UTF-8 is hard on; lone surrogates included.
        var text = Gen.OneOf(Gen.String[Gen.Char["\n=\0A_\ré漢\uD83D\uDE00"]], Gen.String);
        Gen.Select(text.List[0, 6], Gen.Int, text).Sample((texts, number, exception) =>
        {
            var properties = texts.Select((t, i) => ($"Value{i}", (object?)t)).Append(("Number", number)).ToArray();
            var fields = Fields(Events.Of(LogEventLevel.Error, new Fault(exception), "m", properties));

            Assert.Equal(
                [
                    ("MESSAGE", Utf8($"m: Fault: {exception}")), ("PRIORITY", "3"), ("SYSLOG_IDENTIFIER", "mpib-agent"),
                    .. texts.Select((t, i) => ($"MPIB_VALUE{i}", Utf8(t))),
                    ("MPIB_NUMBER", number.ToString(CultureInfo.InvariantCulture)), ("MPIB_EXCEPTION", Utf8(exception)),
                ],
                fields);
        });
    }

    [Fact]
    public void Any_property_name_gives_a_field_of_the_agent_or_none()
    {
        var name = Gen.OneOf(Gen.String[Gen.Char["_UId\n=1 éıK"]], Gen.String[Gen.Char.AlphaNumeric, 1, 80])
            .Where(n => !string.IsNullOrWhiteSpace(n) && n is not ("SourceContext" or "EventId"));
        name.Sample(n =>
        {
            var fields = Fields(Events.Of("m", (n, "v")));

            Assert.Equal([("MESSAGE", "m"), ("PRIORITY", "6"), ("SYSLOG_IDENTIFIER", "mpib-agent")], fields[..3]);
            Assert.All(fields[3..], f => Assert.StartsWith("MPIB_", f.Name, StringComparison.Ordinal));
            Assert.True(fields.Count <= 4);
        });
    }

    [Theory]
    [InlineData(LogEventLevel.Verbose, "7")]
    [InlineData(LogEventLevel.Debug, "7")]
    [InlineData(LogEventLevel.Information, "6")]
    [InlineData(LogEventLevel.Warning, "4")]
    [InlineData(LogEventLevel.Error, "3")]
    [InlineData(LogEventLevel.Fatal, "2")]
    public void The_level_is_the_priority(LogEventLevel level, string priority) =>
        Assert.Contains(("PRIORITY", priority), Fields(Events.Of(level, null, "m")));

    [Fact]
    public void Only_scalars_are_fields_and_the_message_has_everything()
    {
        var fields = Fields(Events.Logged(log => log.Information(
            "{Text} {Aligned,4} {List} {@Point} {Nothing} {Yes} {Ratio}", "a b", "x", List, new { X = 1 }, null, true, 0.5)));

        Assert.Equal("a b    x [1, 2] { X: 1 } null True 0.5", fields[0].Value);
        Assert.Equal([("MPIB_TEXT", "a b"), ("MPIB_ALIGNED", "x"), ("MPIB_YES", "True"), ("MPIB_RATIO", "0.5")], fields[3..]);
    }

    [Fact]
    public void A_time_is_a_field_that_sorts() =>
        Assert.Contains(("MPIB_SINCE", "2026-03-01T20:29:48.0000000+01:00"), Fields(Events.Of("m", ("Since", Events.Evening))));

    [Fact]
    public void An_event_of_an_ILogger_has_component_event_and_id()
    {
        var fields = Fields(Events.Logged(log =>
        {
            using var provider = new SerilogLoggerProvider(log);
            LineRefused(provider.CreateLogger("MpibAgent.Control.Fifo"), 4);
        }));

        Assert.Equal("line 4", fields[0].Value);
        Assert.Contains(("MPIB_LINE", "4"), fields);
        Assert.Contains(("MPIB_COMPONENT", "Fifo"), fields);
        Assert.Contains(("MPIB_EVENT", "LineRefused"), fields);
        Assert.Contains(("MESSAGE_ID", "1f6f1607f3f04ae1b17b94a070ee012d"), fields);
        Assert.DoesNotContain(fields, f => f.Name is "MPIB_EVENT_ID" or "MPIB_SOURCE_CONTEXT" or "MPIB_ORIGINAL_FORMAT");
    }

    [Theory]
    [InlineData("Microsoft.Hosting.Lifetime", 14)]
    [InlineData("System.Net.Sockets.Socket", 14)]
    [InlineData("MpibAgent.Control.Fifo", 0)]
    [InlineData("MpibAgent.Control.Fifo", -1)]
    [InlineData("MpibAgent.Control.Fifo", 65536)]
    public void Only_an_event_id_of_the_agent_makes_a_message_id(string category, int id)
    {
        var fields = Fields(Events.Of("m", ("SourceContext", category), ("EventId", EventId(id, "Named"))));

        Assert.DoesNotContain(fields, f => f.Name == "MESSAGE_ID");
        Assert.Contains(("MPIB_EVENT", "Named"), fields);
    }

    [Fact]
    public void An_exception_is_named_in_the_message_and_whole_in_its_field()
    {
        var fields = Fields(Events.Of(LogEventLevel.Error, Thrown(), "the FIFO is gone"));

        Assert.Equal("the FIFO is gone: InvalidOperationException: outer: IOException: inner", fields[0].Value);
        var (name, text) = fields[^1];
        Assert.Equal("MPIB_EXCEPTION", name);
        Assert.Contains("System.IO.IOException: inner\n", text, StringComparison.Ordinal);
        Assert.Contains($"at {typeof(JournalEntryTests).FullName}.{nameof(Thrown)}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_value_is_cut_between_two_characters()
    {
        var fields = Fields(Events.Of("{Text}", ("Text", "x" + new string('é', 100_000)), ("Slot", 3)));

        var cut = "x" + new string('é', (JournalFields.MaxValueBytes - 1) / 2) + "...";
        Assert.Equal(cut, fields[0].Value);
        Assert.Equal(("MPIB_TEXT", cut), fields[3]);
        Assert.Equal(("MPIB_SLOT", "3"), fields[4]);
    }

    [Fact]
    public void A_value_of_the_greatest_length_is_not_cut()
    {
        var text = new string('y', JournalFields.MaxValueBytes);
        Assert.Equal(("MPIB_TEXT", text), Fields(Events.Of("m", ("Text", text)))[3]);
    }

    [Fact]
    public void An_entry_leaves_nothing_in_the_next_one()
    {
        var small = Events.Of("small", ("Slot", 1));
        using var entry = new JournalEntry();
        var first = entry.Format(small).ToArray();
        _ = entry.Format(Events.Of("large\n", [.. Enumerable.Range(0, 8).Select(i => ($"Part{i}", (object?)new string('\n', 60_000)))]));

        Assert.Equal(first, entry.Format(small));
    }

    [LoggerMessage(301, LogLevel.Warning, "line {Line}")]
    private static partial void LineRefused(ILogger logger, int line);

    [Fact]
    public void The_program_itself_is_the_agent() =>
        Assert.Contains(
            ("MESSAGE_ID", "1f6f1607f3f04ae1b17b94a070ee0064"),
            Fields(Events.Of("m", ("SourceContext", "Program"), ("EventId", EventId(100, "ready")))));

    private static byte[] Format(LogEvent logEvent)
    {
        using var entry = new JournalEntry();
        return entry.Format(logEvent).ToArray();
    }

    private static List<(string Name, string Value)> Fields(LogEvent logEvent) => JournalPeer.Parse(Format(logEvent));

    private static StructureValue EventId(int id, string name) =>
        new([new("Id", new ScalarValue(id)), new("Name", new ScalarValue(name))]);

    private static string Utf8(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static InvalidOperationException Thrown()
    {
        try
        {
            throw new InvalidOperationException("outer", new IOException("inner"));
        }
        catch (InvalidOperationException e)
        {
            return e;
        }
    }

    private sealed class Fault(string message) : Exception(message)
    {
        public override string ToString() => Message;
    }
}
