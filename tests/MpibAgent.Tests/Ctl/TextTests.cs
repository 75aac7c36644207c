using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class TextTests
{
    [Theory]
    [InlineData(0, "0s")]
    [InlineData(59.9, "59s")]
    [InlineData(192, "3m12s")]
    [InlineData(7500, "2h05m")]
    [InlineData(273600, "3d04h")]
    [InlineData(-3, "0s")]
    public void Durations_are_short(double seconds, string expected) => Assert.Equal(expected, Text.Duration(seconds));

    [Theory]
    [InlineData(0, "0 B/s")]
    [InlineData(999, "999 B/s")]
    [InlineData(1500, "1.5 kB/s")]
    [InlineData(21.34e9, "21.3 GB/s")]
    [InlineData(999.96e6, "1.0 GB/s")]
    [InlineData(5e15, "5000 TB/s")]
    public void Rates_have_three_figures(double rate, string expected) => Assert.Equal(expected, Text.Rate(rate));

    [Theory]
    [InlineData(0, "░░░░", "....")]
    [InlineData(0.5, "██░░", "##..")]
    [InlineData(0.6, "██▍░", "##..")]
    [InlineData(1, "████", "####")]
    [InlineData(7, "████", "####")]
    [InlineData(double.NaN, "░░░░", "....")]
    public void A_bar_has_as_many_columns_as_it_is_given(double share, string expected, string plain)
    {
        Assert.Equal(expected, Text.Bar(share, 4, unicode: true));
        Assert.Equal(plain, Text.Bar(share, 4, unicode: false));
    }

    [Fact]
    public void A_curve_shows_the_last_values_and_gaps() =>
        Assert.Equal("▁ ▅██", Text.Spark([9, 9, 0, double.NaN, 5, 10, 12], top: 10, columns: 5, unicode: true));

    [Theory]
    [InlineData("abc", 3, "abc")]
    [InlineData("abcd", 3, "ab…")]
    [InlineData("abcd", 1, "…")]
    [InlineData("abcd", 0, "")]
    public void What_is_too_long_is_cut_and_marked(string text, int columns, string expected) => Assert.Equal(expected, Text.Cut(text, columns));

    [Theory]
    [InlineData("python3", "python3")]
    [InlineData("a\e[2Jb", "a\\x1b[2Jb")]
    [InlineData("a\nb", "a\\x0ab")]
    [InlineData("\u202e", "\\xe2\\x80\\xae")]
    public void A_strangers_text_cannot_steer_the_terminal(string text, string expected) => Assert.Equal(expected, Text.Safe(text));

    [Theory]
    [InlineData(5, "abcde")]
    [InlineData(6, "abcdef")]
    [InlineData(4, "abc…")]
    [InlineData(3, "ab…")]
    [InlineData(2, "a…")]
    public void A_line_of_parts_is_cut_as_one(int columns, string expected) =>
        Assert.Equal(expected, new Line("abc").Add(columns == 6 ? "def" : "de").Cut(columns, unicode: true).ToString());
}
