using CsCheck;
using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

public sealed class RailNameTests
{
    [Theory]
    [InlineData("mlx5_3", "mlx5_3", null)]
    [InlineData("mlx5_3:2", "mlx5_3", 2)]
    [InlineData("bnxt_re0:255", "bnxt_re0", 255)]
    [InlineData("eth1", "eth1", null)]
    [InlineData("enp59s0f0np0.100", "enp59s0f0np0.100", null)]
    [InlineData("a..b", "a..b", null)]
    public void A_device_may_have_a_port(string text, string device, int? port)
    {
        Assert.Equal(new RailName(device, port), RailName.Parse(text));
        Assert.Equal(text, RailName.Parse(text).ToString());
        Assert.Null(RailName.Fault(text));
    }

    [Theory]
    [InlineData("mlx5_3:0")]
    [InlineData("mlx5_3:256")]
    [InlineData("mlx5_3:")]
    [InlineData("mlx5_3:+1")]
    [InlineData("mlx5_3:1:1")]
    [InlineData(":1")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../net/eth1")]
    [InlineData("a/b")]
    [InlineData("/dev/zero")]
    [InlineData("=mlx5_3")]
    [InlineData("^mlx5_3")]
    [InlineData("mlx5_3,mlx5_4")]
    [InlineData("mlx5 3")]
    [InlineData("mlx5_3\n")]
    [InlineData("mlx5_\x1b[31m")]
    [InlineData("mlx5_\0")]
    [InlineData("mlx5_\u00e9")]
    public void What_is_no_single_device_is_refused(string text)
    {
        Assert.Null(RailName.Parse(text));
        Assert.Contains("expected one device", RailName.Fault(text), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_at_most_64_characters_long()
    {
        Assert.Null(RailName.Fault(new string('m', 64)));
        Assert.NotNull(RailName.Fault(new string('m', 65)));
    }

    [Fact]
    public void Nothing_is_a_rail_that_is_not_configured()
    {
        Assert.Null(RailName.Fault(""));
        Assert.Null(RailName.Parse(""));
    }

    [Fact]
    public void No_name_leads_out_of_its_directory() => Gen.String[Gen.Char["./\\a1:=\0\n "], 0, 8].Sample(
        text => RailName.Parse(text) is not { } name || Path.GetDirectoryName(Path.GetFullPath($"/sys/class/net/{name.Device}")) == "/sys/class/net",
        iter: Fuzz.Iterations);
}
