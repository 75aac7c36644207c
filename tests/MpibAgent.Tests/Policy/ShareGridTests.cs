using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class ShareGridTests
{
    private const double Far = 30;
    private static readonly ShareGrid Fine = new(HintEncoding.Ppm1024, 3);

    [Fact]
    public void Under_ppm1024_shares_are_parts_of_1024_for_any_number_of_flows()
    {
        Assert.True(Fine.IsFine);
        Assert.Equal(307 / 1024.0, Fine.Best(0.3));
        Assert.Equal(513 / 1024.0, Fine.Above(0.5, -Far));
        Assert.Equal(511 / 1024.0, Fine.Below(0.5, Far));
    }

    /// <summary>At 1 and 400 Gb/s the optimum is 1021.4 parts: 1021 give 341 Gb/s, held up by SOUT, and 1022 all but the whole.</summary>
    [Theory]
    [InlineData(400 / 401.0, 1022)]
    [InlineData(1 / 401.0, 2)]
    [InlineData(1 / 4000.0, 1)]
    [InlineData(3999 / 4000.0, 1023)]
    [InlineData(900.4 / 1024, 900)]
    public void Under_ppm1024_near_an_end_the_neighbour_that_moves_more_is_taken(double optimum, int parts) =>
        Assert.Equal(parts / 1024.0, Fine.Best(optimum));

    [Fact]
    public void A_step_goes_as_far_as_asked_to_the_next_share_that_there_is()
    {
        // 0.6 is 614.4 parts, 0.4 is 409.6.
        Assert.Equal(615 / 1024.0, Fine.Above(0.5, Odds.Of(0.6)));
        Assert.Equal(409 / 1024.0, Fine.Below(0.5, Odds.Of(0.4)));
    }

    [Fact]
    public void Under_ppm1024_a_step_never_reaches_the_ends()
    {
        Assert.Equal(1023 / 1024.0, Fine.Above(1022 / 1024.0, Far));
        Assert.Equal(1023 / 1024.0, Fine.Above(1023 / 1024.0, -Far));
        Assert.Equal(1 / 1024.0, Fine.Below(2 / 1024.0, -Far));
        Assert.Equal(1 / 1024.0, Fine.Below(1 / 1024.0, Far));
    }

    [Fact]
    public void Under_multiplier_one_flow_has_the_shares_of_whole_numbers()
    {
        double[] shares = [0, 1 / 2.0, 2 / 3.0, 3 / 4.0, 4 / 5.0];
        Assert.Equal(shares, Up(1, 5), Same);
    }

    [Fact]
    public void Under_multiplier_two_flows_have_the_means_between_too() =>
        Assert.Equal([0, 1 / 4.0, 1 / 2.0, (1 / 2.0 + 2 / 3.0) / 2, 2 / 3.0], Up(2, 5), Same);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(256)]
    public void Up_and_down_again_is_the_same_share(int flows)
    {
        var grid = new ShareGrid(HintEncoding.Multiplier, flows);
        foreach (var share in Up(flows, 40 * flows).Skip(1))
        {
            Assert.Equal(share, grid.Best(share), 1e-9);
            Assert.Equal(share, grid.Below(grid.Above(share, -Far), Far), 1e-9);
            Assert.Equal(share, grid.Above(grid.Below(share, Far), -Far), 1e-9);
        }
    }

    [Fact]
    public void Under_multiplier_a_step_that_is_too_short_takes_the_neighbour()
    {
        var grid = new ShareGrid(HintEncoding.Multiplier, 1);
        Assert.Equal(2 / 3.0, grid.Above(0.5, Odds.Of(0.51)), 1e-9);
        Assert.Equal(0.8, grid.Above(0.5, Odds.Of(0.76)), 1e-9);
        Assert.Equal(0.5, grid.Below(0.8, Odds.Of(0.6)), 1e-9);
    }

    [Fact]
    public void Under_multiplier_the_ends_can_be_had_and_are_not_left()
    {
        var grid = new ShareGrid(HintEncoding.Multiplier, 2);
        Assert.Equal((0, 1), (grid.Below(0, Far), grid.Above(1, -Far)));
        Assert.Equal(0, grid.Below(0.25, -Far));
        Assert.Equal(1, grid.Above(0.5, Far));
        Assert.Equal((0, 1), (grid.Best(0), grid.Best(1)));
    }

    [Theory]
    [InlineData(0.2, 0.0)]
    [InlineData(0.45, 0.5)]
    [InlineData(0.55, 0.5)]
    [InlineData(0.65, 2 / 3.0)]
    public void Of_two_shares_around_the_optimum_the_one_that_moves_more_is_best(double optimum, double best) =>
        Assert.Equal(best, new ShareGrid(HintEncoding.Multiplier, 1).Best(optimum), 1e-9);

    private static bool Same(double a, double b) => Math.Abs(a - b) < 1e-9;

    private static IEnumerable<double> Up(int flows, int count)
    {
        var grid = new ShareGrid(HintEncoding.Multiplier, flows);
        for (var (i, share) = (0, 0.0); i < count; i++, share = grid.Above(share, -Far))
        {
            yield return share;
        }
    }
}
