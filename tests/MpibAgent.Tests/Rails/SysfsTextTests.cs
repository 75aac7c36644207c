using CsCheck;
using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

public sealed class SysfsTextTests
{
    [Theory]
    [InlineData("0", 0ul)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("18446744073709551616", null)]
    [InlineData("", null)]
    [InlineData("-1", null)]
    [InlineData("+1", null)]
    [InlineData(" 1", null)]
    [InlineData("1 ", null)]
    [InlineData("1x", null)]
    [InlineData("0x10", null)]
    [InlineData("N/A (no PMA)", null)]
    public void A_counter_is_digits_and_nothing_else(string text, ulong? number) => Assert.Equal(number, SysfsText.Number(Bytes(text)));

    [Theory]
    [InlineData("4: ACTIVE", true)]
    [InlineData("1: DOWN", false)]
    [InlineData("2: INIT", false)]
    [InlineData("3: ARMED", false)]
    [InlineData("44: ACTIVE", false)]
    [InlineData("ACTIVE", null)]
    [InlineData(": ACTIVE", null)]
    [InlineData("", null)]
    public void A_port_is_up_when_it_is_active(string text, bool? isUp) => Assert.Equal(isUp, SysfsText.IsActive(Bytes(text)));

    [Theory]
    [InlineData("400 Gb/sec (4X NDR)", 50e9)]
    [InlineData("56 Gb/sec (4X FDR)", 7e9)]
    [InlineData("2.5 Gb/sec (1X SDR)", 312.5e6)]
    [InlineData("0 Gb/sec", null)]
    [InlineData("-10 Gb/sec", null)]
    [InlineData("NaN Gb/sec", null)]
    [InlineData("1e300 Gb/sec", null)]
    [InlineData("400 Mb/sec", null)]
    [InlineData("400", null)]
    [InlineData("", null)]
    public void A_ports_rate_is_in_Gb_per_second(string text, double? rate) => Assert.Equal(rate, SysfsText.PortRate(Bytes(text)));

    [Theory]
    [InlineData("400000", 50e9)]
    [InlineData("10", 1.25e6)]
    [InlineData("-1", null)]
    [InlineData("0", null)]
    [InlineData("4294967295", null)]
    [InlineData("", null)]
    public void An_interfaces_rate_is_in_Mb_per_second_and_may_be_unknown(string text, double? rate) =>
        Assert.Equal(rate, SysfsText.InterfaceRate(Bytes(text)));

    [Fact]
    public void Any_bytes_are_read_or_refused()
    {
        var nearlyRight = Gen.Char["0123456789.:-+eE Gb/secNaInfty"].Array[0, 24].Select(text => Bytes(new string(text)));
        Gen.OneOf(Gen.Byte.Array[0, 64], nearlyRight).Sample(
            text =>
            {
                _ = SysfsText.Number(text);
                _ = SysfsText.IsActive(text);
                Assert.True(SysfsText.PortRate(text) is null or (> 0 and < 1e14));
                Assert.True(SysfsText.InterfaceRate(text) is null or (> 0 and < 1e14));
            },
            iter: Fuzz.Iterations);
    }

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);
}
