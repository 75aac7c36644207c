using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class HintMixTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void Flows_have_the_mean_together_and_each_a_share_that_it_can_have(int flows)
    {
        var grid = new ShareGrid(HintEncoding.Multiplier, flows);
        var mean = 0.0;
        for (var i = 0; i < 20 * flows; i++, mean = grid.Above(mean, -30))
        {
            var shares = Mix(HintEncoding.Multiplier, mean, turn: i, flows);
            Assert.Equal(mean, shares.Average(), 1e-9);
            Assert.All(shares, share => Assert.Equal(share, HintEncoding.Multiplier.Share(HintEncoding.Multiplier.Nearest(share)), 1e-6));
        }
    }

    [Theory]
    [InlineData(2, 0.25)]
    [InlineData(4, 0.125)]
    [InlineData(4, 0.25)]
    [InlineData(6, 4 / 12.0)]
    [InlineData(7, 3 / 14.0)]
    [InlineData(5, 0.7)]
    public void Over_as_many_turns_as_flows_every_flow_has_the_same(int flows, double mean)
    {
        var sums = new double[flows];
        for (var turn = 0; turn < flows; turn++)
        {
            var shares = Mix(HintEncoding.Multiplier, mean, turn, flows);
            for (var i = 0; i < flows; i++)
            {
                sums[i] += shares[i];
            }
        }

        Assert.All(sums, sum => Assert.Equal(sums[0], sum, 1e-9));
    }

    [Fact]
    public void A_mean_that_every_flow_can_have_is_not_mixed() =>
        Assert.All(Mix(HintEncoding.Multiplier, 0.75, turn: 5, flows: 4), share => Assert.Equal(0.75, share, 1e-9));

    [Theory]
    [InlineData(HintEncoding.Ppm1024, 0.3, 4)]
    [InlineData(HintEncoding.Multiplier, 0.3, 1)]
    [InlineData(HintEncoding.Multiplier, 0.0, 4)]
    [InlineData(HintEncoding.Multiplier, 1.0, 4)]
    public void What_cannot_or_need_not_be_mixed_is_the_same_for_all(HintEncoding encoding, double mean, int flows) =>
        Assert.All(Mix(encoding, mean, turn: 3, flows), share => Assert.Equal(mean, share));

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(int.MaxValue + 1L)]
    [InlineData(uint.MaxValue)]
    public void A_turn_may_be_as_high_as_it_gets(long turn) => Assert.Equal(0.125, Mix(HintEncoding.Multiplier, 0.125, turn, 4).Average(), 1e-9);

    private static double[] Mix(HintEncoding encoding, double mean, long turn, int flows)
    {
        var shares = new double[flows];
        HintMix.Fill(encoding, mean, (uint)turn, shares);
        return shares;
    }
}
