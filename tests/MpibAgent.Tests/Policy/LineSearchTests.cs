using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

/// <summary>The search over two rails that hold one another up in proportion to the split, sample by sample.</summary>
public sealed class LineSearchTests
{
    private const double Period = 0.005, Rate = 1e9;
    private readonly LineSearch _search;
    private double _now;

    public LineSearchTests()
        : this(3)
    {
    }

    private LineSearchTests(int seed)
    {
        _search = new LineSearch(0.5, TimeSpan.FromSeconds(Period), new Random(seed)) { Grid = new ShareGrid(HintEncoding.Ppm1024, 1) };
        _search.SetLinks(Rate, Rate);
        Send(200);
    }

    [Fact]
    public void A_rail_that_has_too_much_at_the_end_of_the_scale_does_not_disturb_the_search()
    {
        var search = new LineSearch(1 / 1024.0, TimeSpan.FromSeconds(Period), new Random(3)) { Grid = new ShareGrid(HintEncoding.Ppm1024, 1) };
        search.SetLinks(100 * Rate, 100 * Rate);
        for (var i = 0; i < 10_000 && !search.IsSettled; i++)
        {
            search.Sample(_now += Period, new Rates(Period, 99.9 * Rate, 0.0977 * Rate));
        }

        Assert.True(search.IsSettled);
        for (var i = 0; i < 40; i++)
        {
            // Less than a thousandth of what SOUT carries while it sends.
            search.Read(new Rates(Period, i % 10 == 0 ? 4000 * Rate : 0, 1.1 * Rate));
        }

        Assert.True(search.IsSettled);
        Assert.Equal(1 / 1024.0, search.Share);
    }

    [Theory]
    [InlineData(HintEncoding.Ppm1024)]
    [InlineData(HintEncoding.Multiplier)]
    public void A_counter_that_stood_still_and_jumps_is_no_capacity(HintEncoding encoding)
    {
        _search.Grid = new ShareGrid(encoding, 1);
        var share = _search.Share;
        for (var i = 0; i < 400; i++)
        {
            // SUP counts nothing for a second, and then all of it at once.
            _search.Read(new Rates(Period, 0.2 * Rate, i < 210 ? 0 : i == 210 ? 40 * Rate : 0.2 * Rate));
        }

        Assert.Equal(share, _search.Share);
    }

    [Fact]
    public void A_rail_that_gets_slower_for_good_is_followed()
    {
        Send(20, sup: 0.5 * Rate);
        Assert.InRange(_search.Share, 0.3, 0.37);
    }

    [Theory]
    [InlineData(2.9)]
    [InlineData(3)]
    [InlineData(3.3)]
    [InlineData(3.5)]
    [InlineData(3.7)]
    public void Dips_as_long_as_a_trial_do_not_lead_away(double samples)
    {
        var most = 0.0;
        for (var i = 0; i < 60; i++)
        {
            // A trial starts after two samples; the dip ends while it is measured.
            Send((int)samples, 0.4 * Rate, 0.4 * Rate);
            Mix(samples % 1, 0.4 * Rate);
            Send(4);
            most = Math.Max(most, Math.Abs(Odds.Of(_search.Share)));
            Send(8);
        }

        Assert.InRange(most, 0, 0.3);
    }

    [Fact]
    public void A_rail_that_gets_slower_among_dips_is_followed_all_the_same()
    {
        for (var i = 0; i < 5; i++)
        {
            Send(3, sup: 0.4 * Rate);
            Send(12);
        }

        Send(60, sup: 0.4 * Rate);
        Assert.InRange(_search.Share, 0.24, 0.33);
    }

    [Fact]
    public void The_hosts_other_traffic_on_a_rail_does_not_pass_for_a_rail_that_waits()
    {
        for (var i = 0; i < 400; i++)
        {
            // The job sends 0.2 of the link over each rail, others on and off over SUP.
            var others = i % 8 < 4 ? 0.6 * Rate : 0.2 * Rate;
            _search.Sample(_now += Period, new Rates(Period, 0.4 * Rate * (1 - _search.Share), (0.4 * Rate * _search.Share) + others));
            Assert.InRange(_search.Share, 0.3, 0.7);
        }
    }

    [Fact]
    public void Others_who_take_what_the_job_leaves_on_a_rail_are_seen_by_the_other_rail()
    {
        Send(100, sout: Rate / 3);
        Assert.Equal(0.75, _search.Share, 0.02);

        // SUP's counter stays where it was, and the sum falls by less than a change has to be.
        const double Others = 0.3 * Rate;
        var samples = 0;
        for (; samples < 100 && _search.Reason != "the rates changed"; samples++)
        {
            TakeBeside(Others);
        }

        Assert.InRange(samples, 0, 12);
        for (var i = 0; i < 12; i++)
        {
            TakeBeside(Others);
        }

        // The best is 0.7 / (0.7 + 1/3).
        Assert.InRange(_search.Share, 0.63, 0.7);

        void TakeBeside(double others)
        {
            var goodput = Goodput(Rate / 3, Rate - others);
            _search.Sample(_now += Period, new Rates(Period, goodput * (1 - _search.Share), (goodput * _search.Share) + others));
        }
    }

    [Fact]
    public void The_next_burst_does_not_begin_with_a_share_that_the_tail_of_the_last_one_hid()
    {
        // SUP gets slower, and a trial begins when all that is left of the burst is SUP's part.
        for (var i = 0; i < 200 && _search.Share == 0.5; i++)
        {
            _search.Sample(_now += Period, new Rates(Period, Rate, i < 2 ? Rate : 0.25 * Rate));
        }

        Assert.NotEqual(0.5, _search.Share);
        for (var i = 0; i < 12; i++)
        {
            _search.Sample(_now += Period, new Rates(Period, 0, 0.25 * Rate));
        }

        _search.Sample(_now += Period, new Rates(Period, 0, 0));
        Assert.Equal(0.5, _search.Share);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void The_rail_that_fell_first_is_left_first(int rail)
    {
        // By chance one of these would go the wrong way.
        var judged = 0;
        for (var seed = 0; seed < 10; seed++)
        {
            var test = new LineSearchTests(seed);
            var hasProbed = false;
            var (sout, sup) = rail > 0 ? (0.4 * Rate, Rate) : (Rate, 0.4 * Rate);
            for (var held = 0; held < 3; held = test._search.Share == 0.5 ? held + 1 : 0)
            {
                test.Send(1);
            }

            // What is under way on the other rail keeps it busy for half a sample more.
            var goodput = test.Goodput(sout, sup);
            var other = (Rate + (goodput / 2)) / 2;
            test._search.Sample(test._now += Period, rail > 0 ? new Rates(Period, sout, other) : new Rates(Period, other, sup));
            for (var i = 0; i < 10 && test._search.Reason != "the rates changed"; i++)
            {
                test.Take(test.Goodput(sout, sup));
                hasProbed |= test._search.Reason.StartsWith("probe", StringComparison.Ordinal) && test._search.Share != 0.5;
            }

            // Where a probe came in between, the change was seen as its doing.
            judged += hasProbed ? 0 : 1;
            Assert.True(hasProbed || rail == Math.Sign(test._search.Share - 0.5), $"seed {seed} went to {test._search.Share}");
        }

        Assert.InRange(judged, 6, 10);
    }

    [Fact]
    public void A_slow_rail_is_left_though_what_was_posted_before_takes_many_samples()
    {
        SendLate(60, late: 10);
        Assert.InRange(_search.Share, 0.75, 0.9);
    }

    [Fact]
    public void A_rail_that_waits_does_not_cut_a_big_step_off_that_waits_for_a_queue()
    {
        // SUP carries whole messages, one more or one less, which alone says that it waits for SOUT.
        SendLate(30, late: 20, toAndFro: 0.2);
        Assert.InRange(_search.Share, 0.7, 0.9);
    }

    [Theory]
    [InlineData(1.3)]
    [InlineData(0.7)]
    public void A_step_after_a_drop_goes_by_the_mean_where_samples_go_to_and_fro(double first)
    {
        for (var i = 0; i < 20 && _search.Reason != "the rates changed"; i++)
        {
            Take(Goodput(0.25 * Rate, Rate) * (i % 2 == 0 ? first : 2 - first));
        }

        // 0.7 of ln 4, to either side.
        Assert.Equal(0.7 * Math.Log(4), Math.Abs(Odds.Of(_search.Share)), 0.05);
    }

    [Theory]
    [InlineData(0.85, true)]
    [InlineData(1.15, false)]
    public void One_packet_more_on_the_giving_rail_does_not_end_a_trial(double next, bool isBelieved)
    {
        SlowSout(0.4 * Rate);

        // The first sample holds messages of both splits and is left out.
        var trial = _search.Share;
        Take(Goodput(0.4 * Rate, Rate));
        Measure(1.15);
        Assert.Equal(trial, _search.Share);
        Measure(next);
        if (isBelieved)
        {
            // What lies inside a big step takes a second sample.
            Assert.Equal(trial, _search.Share);
            Measure(next);
        }

        Assert.Equal(isBelieved ? $"accepted 0.500 to {_search.Share:0.000}" : "the rates changed", _search.Reason);
        Assert.Equal(isBelieved, _search.Share > 0.6);

        void Measure(double packets) =>
            _search.Sample(_now += Period, new Rates(Period, packets * 0.4 * Rate, 0.4 * Rate * trial / (1 - trial)));
    }

    [Fact]
    public void A_trial_that_wins_far_more_than_the_giving_rail_sends_more_is_believed()
    {
        SlowSout(0.1 * Rate);

        // In samples of 20 ms a rail of 25 Mbit/s has one packet of ten more or less: it says nothing beside three times the goodput.
        var trial = _search.Share;
        for (var i = 0; i < 4 && _search.Share == trial; i++)
        {
            _search.Sample(_now += Period, new Rates(Period, 0.12 * Rate, 0.1 * Rate * trial / (1 - trial)));
        }

        Assert.Equal($"accepted 0.500 to {trial:0.000}", _search.Reason);
    }

    [Fact]
    public void A_step_after_a_change_is_whole_though_a_packet_is_missing_on_the_giving_rail()
    {
        SlowSout(0.1 * Rate);

        // Noise was learnt while both rails were fast.
        var trial = _search.Share;
        for (var i = 0; i < 4 && _search.Share == trial; i++)
        {
            _search.Sample(_now += Period, new Rates(Period, 0.092 * Rate, 0.1 * Rate * trial / (1 - trial)));
        }

        Assert.Equal($"accepted 0.500 to {trial:0.000}", _search.Reason);
        Assert.InRange(_search.Share, trial + 0.03, 1);
    }

    [Theory]
    [InlineData(1.12, true)]
    [InlineData(1.5, false)]
    public void A_doubted_trial_that_won_far_more_than_the_held_share_changes_is_believed(double held, bool isBelieved)
    {
        // Two changes soon after one another, so that the second trial is doubted.
        Send(3, 0.6 * Rate, 0.6 * Rate);
        Send(12);
        SlowSout(0.1 * Rate);

        var trial = _search.Share;
        for (var i = 0; i < 6 && _search.Share == trial; i++)
        {
            Take(Goodput(0.1 * Rate, Rate));
        }

        Assert.Equal(0.5, _search.Share);
        Take(held * Goodput(0.1 * Rate, Rate));
        Take(held * Goodput(0.1 * Rate, Rate));
        Assert.Equal(isBelieved, _search.Reason.StartsWith("accepted", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(50)]
    [InlineData(100)]
    public void A_rail_that_had_to_be_left_altogether_is_tried_again_before_long(int samples)
    {
        _search.Grid = new ShareGrid(HintEncoding.Multiplier, 1);
        Send(50);
        Send(20, sup: 0.4 * Rate);
        Assert.Equal(0, _search.Share);
        Send(samples, sup: 0.4 * Rate);

        Send(samples / 2);

        Assert.Equal(0.5, _search.Share, 0.2);
    }

    [Fact]
    public void Under_multiplier_more_goodput_is_enough_to_leave_an_end_while_messages_of_before_are_under_way()
    {
        _search.Grid = new ShareGrid(HintEncoding.Multiplier, 1);
        Send(50);
        Send(20, sup: 0.1 * Rate);
        Assert.Equal(0, _search.Share);

        // SUP is back; what SOUT still has to send of the old messages keeps it full, and half of what SUP could get is there already.
        var away = 0;
        for (var i = 0; i < 300; i++)
        {
            _search.Sample(_now += Period, new Rates(Period, Rate, _search.Share > 0 ? 0.5 * Rate : 0));
            away += _search.Share > 0 ? 1 : 0;
        }

        Assert.InRange(away, 200, 300);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Under_multiplier_a_share_at_which_the_links_cannot_carry_what_comes_through_is_hardly_tried(bool isKnown)
    {
        // Half on a SUP of a fifth of SOUT is two fifths of SOUT alone.
        var search = new LineSearch(0, TimeSpan.FromSeconds(Period), new Random(3)) { Grid = new ShareGrid(HintEncoding.Multiplier, 1) };
        search.SetLinks(Rate, 0.2 * Rate, isSupKnown: isKnown);
        var trials = 0;
        for (var i = 0; i < 30 / Period; i++)
        {
            var (before, rate) = (search.Share, Math.Min(search.Share < 1 ? Rate / (1 - search.Share) : double.PositiveInfinity, search.Share > 0 ? 0.2 * Rate / search.Share : double.PositiveInfinity));
            search.Sample(_now += Period, new Rates(Period, (1 - search.Share) * rate, search.Share * rate));
            trials += before == 0 && search.Share > 0 ? 1 : 0;
        }

        Assert.InRange(trials, isKnown ? 2 : 8, isKnown ? 4 : 100);
    }

    /// <summary>SOUT gets slower, until what is tried for it gives SUP more.</summary>
    private void SlowSout(double rate)
    {
        for (var i = 0; i < 100 && (_search.Share < 0.55 || _search.Reason != "the rates changed"); i++)
        {
            Take(Goodput(rate, Rate));
        }
    }

    private void Send(int samples, double sout = Rate, double sup = Rate)
    {
        for (var i = 0; i < samples; i++)
        {
            Take(Goodput(sout, sup));
        }
    }

    /// <summary>SOUT has become slow, and what is seen goes by the split of so many samples ago; SUP's rate goes to and fro by a part.</summary>
    private void SendLate(int samples, int late, double toAndFro = 0)
    {
        var posted = new Queue<double>(Enumerable.Repeat(0.5, late));
        for (var i = 0; i < samples; i++)
        {
            posted.Enqueue(_search.Share);
            var share = posted.Dequeue();
            var goodput = Math.Min(0.2 * Rate / (1 - share), Rate / share);
            var sup = goodput * share * (i % 2 == 0 ? 1 + toAndFro : 1 - toAndFro);
            _search.Sample(_now += Period, new Rates(Period, goodput * (1 - share), sup));
        }
    }

    /// <summary>One sample, of which a part was slower on both rails.</summary>
    private void Mix(double part, double slow) => Take((part * Goodput(slow, slow)) + ((1 - part) * Goodput(Rate, Rate)));

    private double Goodput(double sout, double sup) => Math.Min(sout / (1 - _search.Share), sup / _search.Share);

    private void Take(double goodput) =>
        _search.Sample(_now += Period, new Rates(Period, goodput * (1 - _search.Share), goodput * _search.Share));
}
