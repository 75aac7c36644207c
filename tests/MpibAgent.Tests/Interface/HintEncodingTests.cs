using CsCheck;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Interface;

public sealed class HintEncodingTests
{
    [Theory]
    [InlineData(HintEncoding.Multiplier, 0u, 0f)]
    [InlineData(HintEncoding.Multiplier, 1u, 1f / 2)]
    [InlineData(HintEncoding.Multiplier, 2u, 2f / 3)]
    [InlineData(HintEncoding.Multiplier, uint.MaxValue, 1f)]
    [InlineData(HintEncoding.Ppm1024, 0u, 0f)]
    [InlineData(HintEncoding.Ppm1024, 512u, 0.5f)]
    [InlineData(HintEncoding.Ppm1024, 1024u, 1f)]
    [InlineData(HintEncoding.Ppm1024, 5000u, 1f)]
    public void A_hint_means_this_share(HintEncoding encoding, uint hint, float share) => Assert.Equal(share, encoding.Share(hint));

    [Theory]
    [InlineData(HintEncoding.Multiplier, 0.0, 0u)]
    [InlineData(HintEncoding.Multiplier, 0.24, 0u)]
    [InlineData(HintEncoding.Multiplier, 0.26, 1u)]
    [InlineData(HintEncoding.Multiplier, 0.66, 2u)]
    [InlineData(HintEncoding.Multiplier, 0.75, 3u)]
    [InlineData(HintEncoding.Multiplier, 1.0, uint.MaxValue)]
    [InlineData(HintEncoding.Multiplier, 7.0, uint.MaxValue)]
    [InlineData(HintEncoding.Multiplier, -1.0, 0u)]
    [InlineData(HintEncoding.Ppm1024, 0.5, 512u)]
    [InlineData(HintEncoding.Ppm1024, 1.0, 1024u)]
    [InlineData(HintEncoding.Ppm1024, 2.0, 1024u)]
    public void A_share_becomes_the_hint_whose_share_is_nearest(HintEncoding encoding, double share, uint hint) =>
        Assert.Equal(hint, encoding.Nearest(share));

    [Theory]
    [InlineData(HintEncoding.Multiplier)]
    [InlineData(HintEncoding.Ppm1024)]
    public void No_neighbour_is_nearer(HintEncoding encoding) => Gen.Double[0, 1].Sample(share =>
    {
        var hint = encoding.Nearest(share);
        double Distance(uint h) => Math.Abs(share - (encoding == HintEncoding.Ppm1024 ? h / 1024.0 : h / (1.0 + h)));
        return (hint == 0 || Distance(hint) <= Distance(hint - 1))
            && (hint == encoding.MaxHint() || Distance(hint) <= Distance(hint + 1));
    });

    [Theory]
    [InlineData(HintEncoding.Multiplier)]
    [InlineData(HintEncoding.Ppm1024)]
    public void What_is_no_number_is_refused(HintEncoding encoding) => Assert.Throws<ArgumentException>(() => encoding.Nearest(double.NaN));
}
