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
}
