using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

/// <summary>What a policy does with a job that goes by its split, where something goes wrong and stays so: it must not be caught in a state for ever.</summary>
public sealed class ClosedLoopTests
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void A_trial_of_an_end_share_under_which_next_to_nothing_moves_comes_to_an_end(int flows)
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var loop = Adaptive(HintEncoding.Multiplier, flows, 0.5, seed);
            loop.Run(3);
            loop.SoutPath = 0.001 * loop.SoutLink;
            loop.Run(15);
            Assert.True(loop.Share > 0.9, $"seed {seed}: {loop.Share:0.000} on SUP, {loop.Reason}");
        }
    }

    [Theory]
    [InlineData(HintEncoding.Ppm1024, true)]
    [InlineData(HintEncoding.Multiplier, true)]
    [InlineData(HintEncoding.Ppm1024, false)]
    [InlineData(HintEncoding.Multiplier, false)]
    public void Where_timers_are_not_counted_a_job_that_starts_on_a_slow_rail_is_not_left_there(HintEncoding encoding, bool isAdaptive)
    {
        var loop = isAdaptive ? Adaptive(encoding, 1, 0.5, 3) : new ClosedLoop(new CapacityPolicy(encoding), encoding, 1, 3);
        loop.Run(3);
        loop.SoutPath = 0.0012 * loop.SoutLink;
        loop.Run(10);
        loop.Demand = 0;
        loop.Run(5);
        loop.Demand = double.MaxValue;
        loop.Run(10);
        Assert.True(loop.Share > (isAdaptive ? 0.9 : 0.49), $"{loop.Share:0.000} on SUP, {loop.Reason}");
        Assert.DoesNotContain("silence", loop.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_others_send_a_little_a_silence_is_one_all_the_same()
    {
        var loop = Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3);
        loop.Run(3);

        // SUP swallows all; what moves are others on SOUT, which does not go by the split.
        loop.SupPath = 0;
        loop.Others = 0.002 * loop.SoutLink;
        var reasons = new HashSet<string>();
        loop.Run(4, () => reasons.Add(loop.Reason));
        Assert.Contains("SUP not trusted after a silence", reasons);
        Assert.Contains("SUP dead: all fell silent when it was used", reasons);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void While_a_rail_is_down_nothing_goes_there_though_the_other_one_flaps(bool isAdaptive)
    {
        var loop = isAdaptive ? Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3) : new ClosedLoop(new CapacityPolicy(HintEncoding.Ppm1024), HintEncoding.Ppm1024, 1, 3);
        loop.Run(2);
        loop.IsSupUp = false;
        loop.Run(2);
        loop.IsSoutUp = false;
        loop.Run(0.02);
        loop.IsSoutUp = true;
        loop.Run(1, () => Assert.Equal(0, loop.Share));
        Assert.Equal("SUP down", loop.Reason);
    }

    [Fact]
    public void A_rail_that_is_only_doubted_goes_before_one_that_went_down_meanwhile()
    {
        var loop = new ClosedLoop(new CapacityPolicy(HintEncoding.Ppm1024), HintEncoding.Ppm1024, 1, 3);
        loop.Run(1);
        loop.IsSoutUp = false;
        loop.Run(0.1);
        loop.IsSoutUp = true;
        loop.Decide();
        Assert.Equal(1, loop.Share);
        loop.IsSupUp = false;
        loop.Decide();
        Assert.Equal((0, "both rails out (SOUT up again, not trusted yet, SUP down)"), (loop.Share, loop.Reason));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_counter_that_cannot_be_read_is_no_silence(bool isAdaptive)
    {
        var loop = isAdaptive ? Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3) : new ClosedLoop(new CapacityPolicy(HintEncoding.Ppm1024), HintEncoding.Ppm1024, 1, 3);
        loop.Run(2);
        loop.Demand = 0;
        loop.Run(0.5);
        loop.Demand = double.MaxValue;
        loop.HasCounter = false;
        loop.Run(60);
        Assert.InRange(loop.Share, 0.45, 0.55);
        Assert.DoesNotContain("silence", loop.Reason, StringComparison.Ordinal);

        loop.HasCounter = true;
        loop.SupPath = 0.2 * loop.SupLink;
        loop.Run(3);
        Assert.InRange(loop.Share, isAdaptive ? 0.1 : 0.45, isAdaptive ? 0.25 : 0.55);
    }

    [Fact]
    public void A_counter_that_is_lost_in_a_trial_ends_it()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var loop = Adaptive(HintEncoding.Ppm1024, 1, 0.5, seed);
            loop.Run(3);
            var before = loop.Share;
            loop.SupPath = 0.1 * loop.SupLink;
            loop.Run(0.04);
            loop.HasCounter = false;
            var during = loop.Share;
            loop.Run(3);
            Assert.StartsWith("no counters to go by", loop.Reason, StringComparison.Ordinal);
            Assert.True(Math.Abs(loop.Share - before) < 0.02 || loop.Share < 0.3, $"seed {seed}: {before:0.000}, {during:0.000} in the trial, {loop.Share:0.000} after it");
        }
    }

    [Fact]
    public void A_reason_that_holds_no_more_is_not_told_on()
    {
        var loop = Adaptive(HintEncoding.Ppm1024, 1, double.NaN, 3);
        loop.HasCounter = false;
        loop.IsSupUp = false;
        loop.Run(1);
        Assert.Equal("SUP down", loop.Reason);
        loop.IsSupUp = true;
        loop.Run(1);
        Assert.StartsWith("no counters to go by", loop.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(4, 5)]
    [InlineData(16, 17)]
    [InlineData(64, 65)]
    public void Flows_that_come_and_go_do_not_lead_the_share_away(int some, int more)
    {
        var search = new LineSearch(0.25, Period, new Random(3)) { Grid = new ShareGrid(HintEncoding.Multiplier, some) };
        var before = search.Share;
        for (var i = 0; i < 200; i++)
        {
            search.Grid = new ShareGrid(HintEncoding.Multiplier, i % 2 == 0 ? more : some);
        }

        Assert.Equal(before, search.Share, 1e-9);
    }

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    public void However_many_flows_there_are_a_rail_that_is_back_is_found(int flows)
    {
        var loop = Adaptive(HintEncoding.Multiplier, flows, 0.5, 3, noise: 0.002);
        loop.Run(3);
        loop.SupPath = 0.002 * loop.SupLink;
        loop.Run(10);
        Assert.InRange(loop.Share, 0, 0.05);
        loop.SupPath = loop.SupLink;
        loop.Run(60);
        Assert.True(loop.Share > 0.4, $"{loop.Share:0.0000} on SUP, {loop.Reason}");
    }

    [Theory]
    [InlineData(12.5e6, 37.5e6, 0.02, 0.01)]
    [InlineData(125e6, 125e6, 0.005, 0.01)]
    [InlineData(12.5e6, 12.5e6, 0.001, 0.002)]
    [InlineData(125e6, 125e6, 0.001, 0.002)]
    [InlineData(625e6, 625e6, 0.001, 0.002)]
    public void On_slow_links_too_a_rail_that_is_back_is_found(double sout, double sup, double part, double noise)
    {
        for (var seed = 0; seed < 5; seed++)
        {
            foreach (var isSup in new[] { true, false })
            {
                var loop = new ClosedLoop(new AdaptivePolicy(HintEncoding.Ppm1024, Period, double.NaN, new Random(seed)), HintEncoding.Ppm1024, 1, seed)
                {
                    SoutLink = sout,
                    SupLink = sup,
                    SoutPath = sout,
                    SupPath = sup,
                    Noise = noise,
                };
                loop.Run(3);
                (loop.SoutPath, loop.SupPath) = isSup ? (sout, part * sup) : (part * sout, sup);
                loop.Run(30);
                (loop.SoutPath, loop.SupPath) = (sout, sup);
                loop.Run(60);
                Assert.True(loop.Goodput > 0.9, $"seed {seed}: {loop.Share:0.0000} on SUP of {sup / (sout + sup):0.0000}, {loop.Goodput:P0}, {loop.Reason}");
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1e9)]
    public void Of_links_that_tell_no_rate_one_may_have_carried_nothing_so_far(double demand)
    {
        var loop = new ClosedLoop(new AdaptivePolicy(HintEncoding.Ppm1024, Period, 0.5, new Random(1)), HintEncoding.Ppm1024, 1, 1)
        {
            TellsRates = false,
            Demand = demand,
            Others = 1e5,
            SupPath = 0,
        };
        loop.Run(10, () => Assert.InRange(loop.Share, 0, 1));
    }

    [Theory]
    [InlineData(0.0005, true)]
    [InlineData(0.004, true)]
    [InlineData(0.0005, false)]
    [InlineData(0.004, false)]
    public void A_slow_job_leaves_a_black_hole_too(double demand, bool isAdaptive)
    {
        var loop = isAdaptive ? Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3) : new ClosedLoop(new CapacityPolicy(HintEncoding.Ppm1024), HintEncoding.Ppm1024, 1, 3);
        loop.Demand = demand * loop.SoutLink;
        loop.Run(3);
        loop.SupPath = 0;
        loop.Run(10);
        var (time, moved, last) = (0.0, 0.0, loop.Now);
        loop.Run(60, () => (time, moved, last) = (time + (loop.Now - last), moved + ((loop.Now - last) * loop.Goodput), loop.Now));
        Assert.True(moved / time > 0.8, $"{moved / time:P0} of the demand, {loop.Reason}");
    }

    [Fact]
    public void A_slow_job_has_SUP_again_after_its_link_was_down()
    {
        var loop = Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3);
        loop.Run(3);
        loop.SoutPath = 0.002 * loop.SoutLink;
        loop.Run(10);
        loop.IsSupUp = false;
        loop.Run(3);
        loop.IsSupUp = true;
        loop.Run(60);
        Assert.True(loop.Share > 0.9, $"{loop.Share:0.000} on SUP, {loop.Reason}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void Where_all_goes_over_SOUT_and_that_becomes_slow_SUP_is_tried(int flows)
    {
        var loop = Adaptive(HintEncoding.Multiplier, flows, 0.5, 3);
        loop.Run(3);
        loop.SupPath = 0.002 * loop.SupLink;
        loop.Run(10);
        for (var i = 0; i < 100 && loop.Share > 0; i++)
        {
            // Now and then it looks whether SUP is back.
            loop.Run(0.05);
        }

        Assert.Equal(0, loop.Share);
        (loop.SoutPath, loop.SupPath) = (0.005 * loop.SoutLink, loop.SupLink);
        loop.Run(30);
        Assert.True(loop.Share > 0.9, $"{loop.Share:0.000} on SUP, {loop.Reason}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Others_on_SOUT_do_not_hide_a_black_hole_whose_timers_run_out(bool isAdaptive)
    {
        var loop = isAdaptive ? Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3) : new ClosedLoop(new CapacityPolicy(HintEncoding.Ppm1024), HintEncoding.Ppm1024, 1, 3);
        (loop.Timeouts, loop.Others) = (0, 0.01 * loop.SoutLink);
        loop.Run(3);
        loop.SupPath = 0;
        var isDead = false;
        loop.Run(1, () =>
        {
            loop.Timeouts += loop.Share > 0 ? 1ul : 0;
            isDead |= loop.Reason == "SUP dead: its timers run out";
        });
        Assert.True(isDead);
    }

    [Fact]
    public void The_first_reading_after_a_blind_while_condemns_nothing()
    {
        var loop = Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3);
        loop.Timeouts = 0;
        loop.Run(3);
        loop.HasCounter = false;
        loop.Run(2);
        loop.HasCounter = true;
        loop.Timeouts = 1;
        loop.Run(0.1, () => Assert.DoesNotContain("dead", loop.Reason, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(300)]
    [InlineData(1000)]
    public void With_a_long_period_too_a_rail_that_becomes_slower_is_noticed(int milliseconds)
    {
        var loop = new ClosedLoop(new AdaptivePolicy(HintEncoding.Ppm1024, TimeSpan.FromMilliseconds(milliseconds), 0.5, new Random(3)), HintEncoding.Ppm1024, 1, 3) { Noise = 0.002 };
        loop.Run(60);
        loop.SupPath = 0.6 * loop.SupLink;
        loop.Run(60);
        Assert.True(loop.Goodput > 0.9, $"{loop.Share:0.000} on SUP, {loop.Goodput:P0}, {loop.Reason}");
    }

    [Fact]
    public void One_jump_of_a_counter_is_not_the_rate_of_a_link_that_tells_none()
    {
        var loop = new ClosedLoop(new AdaptivePolicy(HintEncoding.Ppm1024, Period, 0.5, new Random(3)), HintEncoding.Ppm1024, 1, 3)
        {
            TellsRates = false,
            SoutPath = 125e6,
            SupPath = 125e6,
        };
        loop.Run(3);
        loop.Jump(4.2e9);
        loop.Run(20);
        Assert.True(loop.Goodput > 0.9, $"{loop.Share:0.000} on SUP, {loop.Goodput:P0}, {loop.Reason}");
    }

    [Fact]
    public void A_decision_between_samples_does_not_hide_a_timer()
    {
        foreach (var isBetween in new[] { false, true })
        {
            var loop = Adaptive(HintEncoding.Ppm1024, 1, 0.5, 3, noise: 0.001);
            loop.Timeouts = 0;
            loop.Run(10);

            // The last bytes and their timer are in one long sample.
            loop.Move(0.004);
            loop.Demand = 1;
            loop.Move(0.016);
            loop.Timeouts = 1;
            loop.Decide();
            if (isBetween)
            {
                loop.Levels = new PathLevels(200, 0);
                loop.Decide(isSample: false);
            }

            loop.Run(0.1);
            Assert.Equal((0, "SUP dead: its timers run out"), (loop.Share, loop.Reason));
        }
    }

    [Fact]
    public void A_long_pause_is_not_spent_at_the_share_of_a_trial()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var search = new LineSearch(0.5, Period, new Random(seed)) { Grid = new ShareGrid(HintEncoding.Ppm1024, 1) };
            search.SetLinks(1e9, 1e9);
            var now = 0.0;
            for (var i = 0; i < 1000; i++)
            {
                var goodput = i < 200 + (7 * seed) ? Math.Min(1e9 / (1 - search.Share), 0.5e9 / search.Share) : 0;
                now += Period.TotalSeconds;
                search.Sample(now, new Rates(Period.TotalSeconds, goodput * (1 - search.Share), goodput * search.Share));
            }

            // What it holds is what is left when all that goes on is cut off.
            var share = search.Share;
            search.Interrupt();
            Assert.Equal(search.Share, share);
        }
    }

    private static ClosedLoop Adaptive(HintEncoding encoding, int flows, double start, int seed, double noise = 0.01) =>
        new(new AdaptivePolicy(encoding, Period, start, new Random(seed)), encoding, flows, seed) { Noise = noise };
}
