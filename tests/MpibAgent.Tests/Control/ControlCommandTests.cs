using System.Text;
using CsCheck;
using MpibAgent.Control;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Control;

public sealed class ControlCommandTests
{
    [Theory]
    [InlineData("0 2", 0, 2u)]
    [InlineData("255 0", 255, 0u)]
    [InlineData("7 4294967295", 7, uint.MaxValue)]
    [InlineData("all 1", null, 1u)]
    [InlineData("  12 \t 34  ", 12, 34u)]
    [InlineData("0 2\r", 0, 2u)]
    [InlineData("0 2 \r", 0, 2u)]
    [InlineData("007 0002", 7, 2u)]
    public void A_command_is_read(string line, int? slot, uint hint)
    {
        Assert.Equal(LineKind.Command, ControlCommand.Parse(Encoding.UTF8.GetBytes(line), HintEncoding.Multiplier, out var command, out _));
        Assert.Equal(new ControlCommand(CommandKind.SetHint, slot, hint), command);
    }

    [Theory]
    [InlineData("0 auto", 0)]
    [InlineData(" 255\tauto \r", 255)]
    [InlineData("all auto", null)]
    public void Auto_gives_back_what_was_pinned(string line, int? slot) => Assert.Equal(new ControlCommand(CommandKind.Unpin, slot), Read(line));

    [Theory]
    [InlineData("policy manual", "manual")]
    [InlineData("policy alternating", "alternating")]
    [InlineData("policy capacity", "capacity")]
    [InlineData("  policy \t adaptive \r", "adaptive")]
    public void A_policy_is_put_in_charge_by_its_name(string line, string name) =>
        Assert.Equal(new ControlCommand(CommandKind.UsePolicy, Policy: name), Read(line));

    [Theory]
    [InlineData("status")]
    [InlineData("\t status \r")]
    public void Status_stands_alone(string line) => Assert.Equal(new ControlCommand(CommandKind.TellStatus), Read(line));

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("\t\r")]
    [InlineData("\r")]
    [InlineData("# 0 2")]
    [InlineData("  #0 2")]
    [InlineData("#")]
    public void Empty_lines_and_comments_are_nothing(string line) =>
        Assert.Equal(LineKind.Nothing, ControlCommand.Parse(Encoding.UTF8.GetBytes(line), HintEncoding.Multiplier, out _, out _));

    [Theory]
    [InlineData("0", "expected two words")]
    [InlineData("all", "expected two words")]
    [InlineData("0 1 2", "expected two words")]
    [InlineData("0 1 # why", "expected two words")]
    [InlineData("256 1", "expected a slot of 0 to 255, or all")]
    [InlineData("-1 1", "expected a slot of 0 to 255, or all")]
    [InlineData("ALL 1", "expected a slot of 0 to 255, or all")]
    [InlineData("0x1 1", "expected a slot of 0 to 255, or all")]
    [InlineData("99999999999999999999999999 1", "expected a slot of 0 to 255, or all")]
    [InlineData("0 4294967296", "expected a hint of 0 to 4294967295")]
    [InlineData("0 18446744073709551617", "expected a hint of 0 to 4294967295")]
    [InlineData("0 -1", "expected a hint of 0 to 4294967295")]
    [InlineData("0 +1", "expected a hint of 0 to 4294967295")]
    [InlineData("0 1.5", "expected a hint of 0 to 4294967295")]
    [InlineData("0 1\r2", "expected a hint of 0 to 4294967295")]
    [InlineData("0 \u0661", "expected a hint of 0 to 4294967295")]
    [InlineData("0\0 1", "expected a slot of 0 to 255, or all")]
    [InlineData("256 auto", "expected a slot of 0 to 255, or all")]
    [InlineData("auto 1", "expected a slot of 0 to 255, or all")]
    [InlineData("auto", "expected two words: SLOT HINT, all HINT, SLOT auto, all auto or policy NAME; or status")]
    [InlineData("0 AUTO", "expected a hint of 0 to 4294967295, decimal (encoding multiplier), or auto")]
    [InlineData("all auto now", "expected two words")]
    [InlineData("policy", "expected two words")]
    [InlineData("policy adaptive now", "expected two words")]
    [InlineData("policy Adaptive", "expected a policy of manual, alternating, capacity, adaptive")]
    [InlineData("policy adaptiv", "expected a policy of manual, alternating, capacity, adaptive")]
    [InlineData("policy adaptive\0", "expected a policy of manual, alternating, capacity, adaptive")]
    [InlineData("policy \u00e4daptive", "expected a policy of manual, alternating, capacity, adaptive")]
    [InlineData("Policy adaptive", "expected a slot of 0 to 255, or all")]
    [InlineData("status 0", "expected nothing after status")]
    [InlineData("status of all", "expected nothing after status")]
    [InlineData("Status", "expected two words")]
    public void What_is_malformed_or_out_of_range_is_refused_with_the_reason(string line, string reason)
    {
        Assert.Equal(LineKind.Fault, ControlCommand.Parse(Encoding.UTF8.GetBytes(line), HintEncoding.Multiplier, out _, out var told));
        Assert.StartsWith(reason, told, StringComparison.Ordinal);
    }

    [Fact]
    public void Under_ppm1024_hints_end_at_1024()
    {
        Assert.Equal(LineKind.Command, ControlCommand.Parse("0 1024"u8, HintEncoding.Ppm1024, out _, out _));
        Assert.Equal(LineKind.Fault, ControlCommand.Parse("0 1025"u8, HintEncoding.Ppm1024, out _, out var reason));
        Assert.Equal("expected a hint of 0 to 1024, decimal (encoding ppm1024), or auto", reason);
    }

    [Fact]
    public void Any_line_is_read_or_refused_without_a_crash() => Gen.Byte.Array[0, 40].Sample(line =>
    {
        var kind = ControlCommand.Parse(line, HintEncoding.Ppm1024, out var command, out var reason);
        Assert.True(kind == LineKind.Fault ? reason.Length > 0 : reason.Length == 0);
        Assert.True(kind == LineKind.Command ? command is { Slot: null or (>= 0 and <= 255), Hint: <= 1024 } : command == default);
    }, iter: Fuzz.Iterations);

    [Fact]
    public void Any_line_of_the_words_of_commands_means_what_it_says() =>
        Gen.Select(Word("0", "255", "256", "all", "#", "", "1024", "1025", "4294967296", "-1", "x", "policy", "status", "auto"), Word(" ", "\t", "  ", "\r", "\0"),
            Word("0", "7", "1024", "1025", "99999999999", "", "all", "auto", "status", "adaptive", "manual")).Sample((first, blank, second) =>
        {
            var kind = ControlCommand.Parse(Encoding.UTF8.GetBytes(first + blank + second), HintEncoding.Ppm1024, out _, out _);
            var isStatus = (first + blank + second).TrimEnd('\r').Trim(' ', '\t') == "status";
            var isHint = first is "0" or "255" or "all" && second is "0" or "7" or "1024" or "auto";
            var isPolicy = first == "policy" && second is "adaptive" or "manual";
            var isGood = isStatus || (blank.Trim(' ', '\t').Length == 0 && (isHint || isPolicy));
            Assert.Equal(isGood, kind == LineKind.Command);
        }, iter: Fuzz.Iterations);

    private static ControlCommand Read(string line)
    {
        Assert.Equal(LineKind.Command, ControlCommand.Parse(Encoding.UTF8.GetBytes(line), HintEncoding.Multiplier, out var command, out _));
        return command;
    }

    private static Gen<string> Word(params string[] words) => Gen.Int[0, words.Length - 1].Select(i => words[i]);
}
