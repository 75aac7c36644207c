using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

/// <summary>What the policy does besides searching; how well it searches is a matter of <see cref="AdaptiveReplayTests"/>.</summary>
public sealed class AdaptivePolicyTests
{
    private const double Rate = 1e9;
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);
    private static readonly RailSample Link = Seen.Up with { LinkRate = Rate };
    private double _now = 1;
    private ulong _bytes;
    private double _share = 0.5, _sout, _sup;

    [Fact]
    public void A_decision_between_samples_does_not_cost_a_sample()
    {
        var policy = new AdaptivePolicy(HintEncoding.Ppm1024, TimeSpan.FromMilliseconds(5), double.NaN, new Random(1));
        var shares = new double[2];
        var link = Seen.Up with { LinkRate = 1e9 };
        for (var i = 1; i <= 50; i++)
        {
            // Timers that run out while bytes move condemn no rail; without samples it would not be known that they move.
            var bytes = (ulong)i * 2_500_000;
            var seen = Seen.At(i * 0.005, link with { TxBytes = bytes, Timeouts = 0 }, link with { TxBytes = bytes, Timeouts = (ulong)i / 10 });
            policy.Decide(seen, new PathLevels[2], shares);
            Assert.DoesNotContain("dead", policy.Reason, StringComparison.Ordinal);
            policy.Decide(seen with { IsSample = false }, [new PathLevels(0, 255, SupCongested: i % 2 == 1), default], shares);
            Assert.DoesNotContain("dead", policy.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Its_period_is_that_of_the_settings() => Assert.Equal(TimeSpan.FromMilliseconds(20),
        new PolicyCatalogue(new PolicyOptions { PeriodMs = 20 }, new HintOptions()).Create(AdaptivePolicy.PolicyName, double.NaN).Period);

    [Fact]
    public void It_starts_with_the_ratio_of_the_link_rates() =>
        Assert.Equal([0.75], Decide(Make(double.NaN), Seen.At(1, Link, Link with { LinkRate = 3 * Rate })));

    [Fact]
    public void Without_the_rates_it_starts_in_the_middle() => Assert.Equal([0.5], Decide(Make(double.NaN), Seen.At(1, Seen.Up, Seen.Up)));

    [Fact]
    public void A_rail_that_has_no_counter_is_among_the_reasons_why_it_has_none_to_go_by()
    {
        var policy = Make(double.NaN);
        for (var i = 0; i < 400; i++)
        {
            Decide(policy, Seen.At(1 + (i * Period.TotalSeconds), Link, Link with { TxBytes = (ulong)i * 1000 }));
        }

        Assert.Equal("no counters to go by yet: are both rails named and there, and do they count? mpibctl check tells", policy.Reason);
    }

    [Fact]
    public void It_goes_on_from_the_share_that_flows_have() => Assert.Equal([0.25], Decide(Make(0.25), Seen.At(1, Link, Link)));

    [Fact]
    public void While_nothing_moves_it_looks_less_often_and_with_the_first_bytes_as_often_as_ever()
    {
        var policy = Make(double.NaN);
        Idle(policy, 300);
        Assert.Equal(Period, policy.Period);
        Idle(policy, 200);
        Assert.Equal(TimeSpan.FromMilliseconds(100), policy.Period);
        Send(policy, 1);
        Assert.Equal(Period, policy.Period);
    }

    [Fact]
    public void However_long_its_samples_had_become_the_first_bytes_after_a_rest_are_seen_at_once()
    {
        var policy = Make(double.NaN);
        var random = new Random(7);
        for (var i = 0; i < 400; i++)
        {
            // Two rails that never keep their proportion: the samples grow.
            _now += Period.TotalSeconds;
            _bytes += (ulong)random.Next(1_000_000, 9_000_000);
            Decide(policy, Seen.At(_now, Link with { TxBytes = _bytes }, Link with { TxBytes = (ulong)(i + 1) * 4_000_000 + (ulong)random.Next(3_900_000) }));
        }

        var (sout, sup) = (_bytes, 400 * 4_000_000ul + 4_000_000);
        for (var i = 0; i < 600; i++)
        {
            Decide(policy, Seen.At(_now += Period.TotalSeconds, Link with { TxBytes = sout }, Link with { TxBytes = sup }));
        }

        Assert.Equal(TimeSpan.FromMilliseconds(100), policy.Period);
        Decide(policy, Seen.At(_now + 0.1, Link with { TxBytes = sout + 80_000_000 }, Link with { TxBytes = sup + 80_000_000 }));
        Assert.Equal(Period, policy.Period);
    }

    [Fact]
    public void Once_it_has_settled_it_reads_seldom_but_for_its_probes()
    {
        var policy = Make(0.5);
        Stream(policy, seconds: 3, supRate: 0.5 * Rate);
        Assert.InRange(Stream(policy, seconds: 2, supRate: 0.5 * Rate), 100, 180);
    }

    [Fact]
    public void When_nobody_tells_of_links_it_reads_half_as_often_once_it_has_settled()
    {
        var policy = Make(0.5);
        Stream(policy, seconds: 3, supRate: 0.5 * Rate, tellsLinks: false);
        Assert.InRange(Stream(policy, seconds: 2, supRate: 0.5 * Rate, tellsLinks: false), 222, 270);
    }

    [Fact]
    public void A_period_that_is_longer_anyway_stays()
    {
        var policy = new AdaptivePolicy(HintEncoding.Ppm1024, TimeSpan.FromMilliseconds(30), 0.5, new Random(1));
        Stream(policy, seconds: 20, supRate: 0.5 * Rate);
        Assert.Equal(TimeSpan.FromMilliseconds(30), policy.Period);
    }

    [Fact]
    public void What_changes_while_it_has_settled_is_followed_as_well()
    {
        var policy = Make(0.5);
        Stream(policy, seconds: 4, supRate: 0.5 * Rate);
        Assert.InRange(_share, 0.32, 0.345);
        Stream(policy, seconds: 1, supRate: 0.2 * Rate);
        Assert.InRange(_share, 0.15, 0.185);
        Stream(policy, seconds: 2, supRate: Rate);
        Assert.InRange(_share, 0.48, 0.52);
    }

    [Fact]
    public void Flows_that_come_and_go_do_not_end_a_trial_under_ppm1024()
    {
        var policy = Make(0.5);
        Send(policy, 5);
        while (Decide(policy, Next(4_000_000))[0] == 0.5)
        {
        }

        var shares = new double[2];
        policy.Decide(Next(4_000_000) with { IsSample = false }, new PathLevels[2], shares);
        Assert.NotEqual(0.5, shares[0]);
    }

    [Fact]
    public void Routing_and_the_like_are_no_traffic()
    {
        var policy = Make(double.NaN);
        for (var i = 0; i < 500; i++)
        {
            // A thousandth of the line rates.
            Decide(policy, Next((ulong)(Rate * Period.TotalSeconds / 1000)));
        }

        Assert.Equal(Period * 20, policy.Period);
    }

    [Fact]
    public void A_rail_that_is_down_is_left_whatever_telemetry_says_of_the_other()
    {
        var shares = new double[2];
        var policy = Make(double.NaN);
        policy.Decide(Seen.At(1, Link with { IsUp = false }, Link), [new PathLevels(0, 255, SupCongested: true), default], shares);
        Assert.Equal([1, 1], shares);
        Assert.Equal("SOUT down", policy.Reason);
    }

    [Fact]
    public void Telemetry_overrules_single_flows_and_says_how_many()
    {
        var shares = new double[3];
        var policy = Make(double.NaN);
        policy.Decide(Seen.At(1, Link, Link), [new PathLevels(0, 255, SupCongested: true), default, new PathLevels(255, 0, SoutCongested: true)], shares);
        Assert.Equal([0, 0.5, 1], shares);
        Assert.Equal("telemetry: 2 flows off a congested rail", policy.Reason);
    }

    [Fact]
    public void It_holds_still_while_most_flows_are_pinned()
    {
        var policy = Make(0.25);
        for (var i = 0; i < 400; i++)
        {
            Assert.Equal([0.25], Decide(policy, Next(4_000_000) with { PinnedFlows = 2 }));
        }

        Assert.Equal("held: most flows are pinned", policy.Reason);

        // Half of them are not most.
        Decide(policy, Next(4_000_000) with { PinnedFlows = 1 });
        Assert.NotEqual("held: most flows are pinned", policy.Reason);
    }

    [Fact]
    public void Readings_that_fail_leave_the_share_alone()
    {
        var policy = Make(0.25);
        for (var i = 0; i < 400; i++)
        {
            Assert.Equal([0.25], Decide(policy, Seen.At(_now += 0.005, Link with { TxBytes = (ulong)i * 1000 }, Link)));
        }
    }

    private static AdaptivePolicy Make(double start) => new(HintEncoding.Ppm1024, Period, start, new Random(1));

    private static double[] Decide(AdaptivePolicy policy, in Observation seen)
    {
        var shares = new double[1];
        policy.Decide(seen, [default], shares);
        return shares;
    }

    private void Idle(AdaptivePolicy policy, int samples)
    {
        for (var i = 0; i < samples; i++)
        {
            Decide(policy, Next(0));
        }
    }

    private void Send(AdaptivePolicy policy, int samples)
    {
        for (var i = 0; i < samples; i++)
        {
            Decide(policy, Next(4_000_000));
        }
    }

    /// <summary>
    /// A job that sends without end, SOUT full at the line rate; it reads when the policy wants it to.
    /// </summary>
    /// <returns>How often it read.</returns>
    private int Stream(AdaptivePolicy policy, double seconds, double supRate, bool tellsLinks = true)
    {
        var readings = 0;
        for (var end = _now + seconds; _now < end; readings++)
        {
            var passed = policy.Period!.Value.TotalSeconds;
            var goodput = Math.Min(supRate / Math.Max(_share, 0.001), Rate / Math.Max(1 - _share, 0.001));
            _now += passed;
            _sout += passed * goodput * (1 - _share);
            _sup += passed * goodput * _share;
            var seen = Seen.At(_now, Link with { TxBytes = (ulong)_sout }, Link with { TxBytes = (ulong)_sup });
            _share = Decide(policy, seen with { TellsLinks = tellsLinks })[0];
        }

        return readings;
    }

    private Observation Next(ulong bytes)
    {
        _now += Period.TotalSeconds;
        _bytes += bytes;
        return Seen.At(_now, Link with { TxBytes = _bytes }, Link with { TxBytes = _bytes });
    }
}
