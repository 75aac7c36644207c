using CsCheck;
using MpibAgent.Logging;
using Serilog.Events;

namespace MpibAgent.Tests.Logging;

public sealed class ConsoleLineTests
{
    [Theory]
    [InlineData(LogEventLevel.Fatal, "20:29:48 fatal Listener: slot 3 for \"a\"\n")]
    [InlineData(LogEventLevel.Error, "20:29:48 error Listener: slot 3 for \"a\"\n")]
    [InlineData(LogEventLevel.Warning, "20:29:48 warn  Listener: slot 3 for \"a\"\n")]
    [InlineData(LogEventLevel.Information, "20:29:48 info  Listener: slot 3 for \"a\"\n")]
    [InlineData(LogEventLevel.Debug, "20:29:48 debug Listener: slot 3 for \"a\"\n")]
    [InlineData(LogEventLevel.Verbose, "20:29:48 trace Listener: slot 3 for \"a\"\n")]
    public void A_line_is_time_level_component_and_message(LogEventLevel level, string line) => Assert.Equal(line, Format(Events.Of(
        level, null, "slot {Slot} for \"{Name}\"", ("Slot", 3), ("Name", "a"), ("SourceContext", "MpibAgent.Registration.Listener"))));

    [Fact]
    public void An_event_of_no_component_has_none() => Assert.Equal("20:29:48 info  started\n", Format(Events.Of("started")));

    [Fact]
    public void Control_characters_do_not_reach_the_terminal() => Assert.Equal(
        "20:29:48 info  peer: \\x1b[2J\\x0a20:29:49 info  forged\\x0d\\x00\\x7f\\x9b\\u{202e}\\u{2028}\\u{e0001} é漢😀\\\n",
        Format(Events.Of("peer: {Text}", ("Text", "\x1b[2J\n20:29:49 info  forged\r\0\x7f\x9b\u202e\u2028\U000E0001 é漢😀\\"))));

    [Fact]
    public void Any_message_is_one_line() => Gen.Select(Gen.String, Gen.String, Gen.String).Sample((text, category, error) =>
    {
        var line = Format(Events.Of(LogEventLevel.Error, new IOException(error), "{Text}", ("Text", text), ("SourceContext", category)));

        Assert.EndsWith("\n", line, StringComparison.Ordinal);
        Assert.DoesNotContain(line[..^1], char.IsControl);
    });

    [Fact]
    public void An_exception_is_told_in_the_line() => Assert.Equal(
        "20:29:48 error no FIFO: InvalidOperationException: outer: IOException: in\\x0aner\n",
        Format(Events.Of(LogEventLevel.Error, Thrown(), "no FIFO")));

    [Theory]
    [InlineData(LogEventLevel.Error, false, false)]
    [InlineData(LogEventLevel.Information, false, false)]
    [InlineData(LogEventLevel.Debug, false, true)]
    [InlineData(LogEventLevel.Error, true, true)]
    public void A_stack_follows_at_debug_or_on_request(LogEventLevel level, bool withStackTraces, bool expected)
    {
        var lines = Format(Events.Of(level, Thrown(), "no FIFO"), withStackTraces).Split('\n');

        Assert.Equal("", lines[^1]);
        Assert.Equal(expected, lines.Length > 2);
        Assert.All(lines[1..^1], line => Assert.StartsWith("    ", line, StringComparison.Ordinal));
        var frame = $"    at {typeof(ConsoleLineTests).FullName}.{nameof(Thrown)}";
        Assert.Equal(expected, lines.Any(line => line.StartsWith(frame, StringComparison.Ordinal)));
    }

    private static string Format(LogEvent logEvent, bool withStackTraces = false)
    {
        using var output = new StringWriter();
        new ConsoleLine(withStackTraces).Format(logEvent, output);
        return output.ToString();
    }

    private static InvalidOperationException Thrown()
    {
        try
        {
            throw new InvalidOperationException("outer", new IOException("in\nner"));
        }
        catch (InvalidOperationException e)
        {
            return e;
        }
    }
}
