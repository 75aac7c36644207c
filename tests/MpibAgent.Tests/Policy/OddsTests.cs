using CsCheck;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class OddsTests
{
    [Theory]
    [InlineData(0.5, 0)]
    [InlineData(0.75, 1.0986122886681098)]
    [InlineData(0.25, -1.0986122886681098)]
    [InlineData(0, -30)]
    [InlineData(1, 30)]
    public void The_log_odds_of_a_share_are_finite_also_at_the_ends(double share, double odds) => Assert.Equal(odds, Odds.Of(share), 1e-12);

    [Fact]
    public void There_and_back_is_the_same_share() =>
        Gen.Double[0.001, 0.999].Sample(share => Assert.Equal(share, Odds.ToShare(Odds.Of(share)), 1e-12), iter: Fuzz.Iterations);

    [Fact]
    public void A_step_changes_the_ratio_of_the_rails_alike_wherever_it_starts() => Gen.Double[0.01, 0.99].Sample(share =>
    {
        var further = Odds.ToShare(Odds.Of(share) + Math.Log(2));
        Assert.Equal(2, further / (1 - further) / (share / (1 - share)), 1e-9);
    }, iter: Fuzz.Iterations);
}
