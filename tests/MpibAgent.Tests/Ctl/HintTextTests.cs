using MpibAgent.Interface;
using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class HintTextTests
{
    [Theory]
    [InlineData("2", HintEncoding.Multiplier, 2, null)]
    [InlineData("4294967295", HintEncoding.Multiplier, 4294967295, null)]
    [InlineData("66%", HintEncoding.Multiplier, 2, 66.0)]
    [InlineData("66.7%", HintEncoding.Multiplier, 2, 66.7)]
    [InlineData("60%", HintEncoding.Multiplier, 2, 60.0)]
    [InlineData("58%", HintEncoding.Multiplier, 1, 58.0)]
    [InlineData("0%", HintEncoding.Multiplier, 0, 0.0)]
    [InlineData("100%", HintEncoding.Multiplier, 4294967295, 100.0)]
    [InlineData("66%", HintEncoding.Ppm1024, 676, 66.0)]
    [InlineData("100%", HintEncoding.Ppm1024, 1024, 100.0)]
    public void A_number_is_itself_and_a_percentage_the_nearest_hint(string text, HintEncoding encoding, uint expected, double? percent)
    {
        Assert.True(HintText.TryParse(text, encoding, out var hint, out var asked, out _));
        Assert.Equal((expected, percent), (hint, asked));
    }

    [Theory]
    [InlineData("", HintEncoding.Multiplier)]
    [InlineData("-1", HintEncoding.Multiplier)]
    [InlineData("+1", HintEncoding.Multiplier)]
    [InlineData("1e3", HintEncoding.Multiplier)]
    [InlineData(" 1", HintEncoding.Multiplier)]
    [InlineData("4294967296", HintEncoding.Multiplier)]
    [InlineData("1025", HintEncoding.Ppm1024)]
    [InlineData("%", HintEncoding.Multiplier)]
    [InlineData("-1%", HintEncoding.Multiplier)]
    [InlineData("101%", HintEncoding.Multiplier)]
    [InlineData("NaN%", HintEncoding.Multiplier)]
    [InlineData("1,5%", HintEncoding.Multiplier)]
    [InlineData("auto", HintEncoding.Multiplier)]
    public void Anything_else_is_refused_with_what_was_expected(string text, HintEncoding encoding)
    {
        Assert.False(HintText.TryParse(text, encoding, out _, out _, out var reason));
        Assert.StartsWith("expected a ", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", 0, null, null)]
    [InlineData("255", 255, null, null)]
    [InlineData("all", null, null, null)]
    [InlineData("10.0.0.1,10.0.0.2", null, "10.0.0.1", "10.0.0.2")]
    [InlineData("0.0.0.0,255.255.255.255", null, "0.0.0.0", "255.255.255.255")]
    public void A_target_is_a_slot_a_flow_or_all(string text, int? slot, string? source, string? destination)
    {
        var target = Target.Parse(text, out _)!;
        Assert.Equal((slot, source, destination, text == "all"), (target.Slot, target.Source?.ToString(), target.Destination?.ToString(), target.IsAll));
    }

    [Theory]
    [InlineData("256")]
    [InlineData("-1")]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.1,")]
    [InlineData("10.0.0.1,10.0.0")]
    [InlineData("10.0.0.1,10.0.0.256")]
    [InlineData("010.0.0.1,10.0.0.2")]
    [InlineData("10.0.0.1,10.0.0.2,10.0.0.3")]
    [InlineData("ALL")]
    [InlineData("1\e[2J")]
    public void Another_target_is_refused_and_shown_without_control_characters(string text)
    {
        Assert.Null(Target.Parse(text, out var reason));
        Assert.Contains("expected a slot of 0 to 255", reason, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', reason);
    }
}
