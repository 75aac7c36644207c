using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class CapacityPolicyTests
{
    private const double Gbps = 125e6;
    private readonly CapacityPolicy _policy = new(HintEncoding.Ppm1024);

    [Fact]
    public void Telemetry_sends_no_flow_to_a_link_that_is_down()
    {
        var shares = new double[1];
        var link = Seen.Up with { LinkRate = 1e9 };
        new CapacityPolicy(HintEncoding.Ppm1024).Decide(Seen.At(1, link with { IsUp = false }, link), [new PathLevels(0, 255, SupCongested: true)], shares);
        Assert.Equal([1], shares);
    }

    [Fact]
    public void The_split_is_the_ratio_of_the_link_rates()
    {
        Assert.Equal([0.75, 0.75], Decide(1, Link(100), Link(300), paths: 2));
        Assert.Equal("links of 100 and 300 Gb/s", _policy.Reason);
    }

    [Fact]
    public void It_follows_a_link_that_changes_its_rate()
    {
        Decide(1, Link(100), Link(300));
        Assert.Equal([0.5], Decide(1.05, Link(100), Link(100)));
    }

    [Theory]
    [InlineData(0, 300)]
    [InlineData(100, 0)]
    public void Where_a_rate_is_not_known_the_rails_count_as_equal(double sout, double sup)
    {
        Assert.Equal([0.5], Decide(1, Link(sout), Link(sup)));
        Assert.Equal("a link's rate is not known", _policy.Reason);
    }

    [Fact]
    public void A_link_that_is_down_gets_nothing_until_it_has_been_up_for_a_while()
    {
        Decide(1, Link(100), Link(300));
        Assert.Equal([0.0], Decide(1.05, Link(100), Link(300) with { IsUp = false }));
        Assert.Equal("SUP down", _policy.Reason);
        Assert.Equal([0.0], Decide(1.1, Link(100), Link(300)));
        Assert.Equal([0.75], Decide(1.35, Link(100), Link(300)));
    }

    [Theory]
    [InlineData(CapacityPolicy.PolicyName)]
    [InlineData(AdaptivePolicy.PolicyName)]
    public void Mixed_hints_are_exchanged_while_something_moves_and_rest_while_nothing_does(string name)
    {
        var policy = new PolicyCatalogue(new PolicyOptions(), new HintOptions { Encoding = HintEncoding.Multiplier }).Create(name, double.NaN);
        var shares = new double[8];
        var bytes = 0ul;
        var now = 1.0;
        string Hints(ulong moved)
        {
            (now, bytes) = (now + 0.05, bytes + moved);
            policy.Decide(Seen.At(now, Link(400) with { TxBytes = 4 * bytes, Timeouts = 0 }, Link(300) with { TxBytes = 3 * bytes, Timeouts = 0 }), new PathLevels[8], shares);
            return string.Join(' ', shares);
        }

        Assert.True(Enumerable.Range(0, 6).Select(_ => Hints(moved: 100_000_000)).ToHashSet().Count > 1);
        for (var i = 0; i < 50; i++)
        {
            Hints(moved: 0);
        }

        Assert.Single(Enumerable.Range(0, 100).Select(_ => Hints(moved: 0)).ToHashSet());
    }

    [Fact]
    public void With_both_links_down_the_split_stays()
    {
        Decide(1, Link(100), Link(300));
        Assert.Equal([0.75], Decide(1.05, Link(100) with { IsUp = false }, Link(0) with { IsUp = false }));
        Assert.Equal("both rails out (SOUT down, SUP down)", _policy.Reason);
    }

    [Fact]
    public void Telemetry_takes_a_flow_off_a_congested_rail_and_leaves_the_others()
    {
        var shares = new double[4];
        _policy.Decide(Seen.At(1, Link(100), Link(300)),
            [new PathLevels(255, 0, SoutCongested: true), new PathLevels(0, 255, SupCongested: true), default, new PathLevels(255, 255, true, true)], shares);
        Assert.Equal([1, 0, 0.75, 0.75], shares);
    }

    [Fact]
    public void Under_multiplier_flows_mix_to_the_ratio()
    {
        var shares = new double[4];
        new CapacityPolicy(HintEncoding.Multiplier).Decide(Seen.At(1, Link(300), Link(100)), new PathLevels[4], shares);
        Assert.Equal([0, 0, 0.5, 0.5], shares.Order());
    }

    /// <summary>250 and 100 Gb/s: 250 with all on SOUT, 200 with a half, though 2/7 is nearer to that.</summary>
    [Fact]
    public void A_share_that_cannot_be_had_gives_way_to_the_one_that_moves_more()
    {
        var shares = new double[1];
        new CapacityPolicy(HintEncoding.Multiplier).Decide(Seen.At(1, Link(250), Link(100)), new PathLevels[1], shares);
        Assert.Equal([0], shares);
        Assert.Equal([1022 / 1024.0], Decide(1, Link(1), Link(400)));
    }

    private static RailSample Link(double gbps) => Seen.Up with { LinkRate = gbps * Gbps };

    private double[] Decide(double seconds, RailSample sout, RailSample sup, int paths = 1)
    {
        var shares = new double[paths];
        _policy.Decide(Seen.At(seconds, sout, sup), new PathLevels[paths], shares);
        return shares;
    }
}
