using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class RailGuardTests
{
    private readonly RailGuard _guard = new();

    [Fact]
    public void While_both_rails_are_up_it_says_nothing()
    {
        Assert.Null(Decide(1, Seen.Up, Seen.Up));
        Assert.Equal("", _guard.Reason);
    }

    [Fact]
    public void A_link_that_is_down_is_left_at_once()
    {
        Assert.Equal(0, Decide(1, Seen.Up, Seen.Down));
        Assert.Equal("SUP down", _guard.Reason);
    }

    [Fact]
    public void So_is_the_other()
    {
        Assert.Equal(1, Decide(1, Seen.Down, Seen.Up));
        Assert.Equal("SOUT down", _guard.Reason);
    }

    [Fact]
    public void With_both_down_nothing_is_forced_and_both_are_named()
    {
        Assert.Null(Decide(1, Seen.Down, Seen.Down));
        Assert.Equal("both rails out (SOUT down, SUP down)", _guard.Reason);
    }

    [Fact]
    public void Of_two_rails_that_are_out_the_one_that_is_only_doubted_is_used()
    {
        Decide(1, Seen.Down, Seen.Down);
        Assert.Equal(0, Decide(1.1, Seen.Up, Seen.Down));
        Decide(2, Seen.Down, Seen.Down);
        Assert.Equal(1, Decide(2.1, Seen.Down, Seen.Up));
    }

    [Fact]
    public void A_black_hole_whose_link_goes_down_and_up_is_left_alone_for_as_long_as_before()
    {
        Decide(1, Timeouts(7), Timeouts(3));
        Assert.Equal(0, Decide(1.1, Timeouts(7), Timeouts(4)));
        Decide(1.2, Timeouts(7), Timeouts(4) with { IsUp = false });
        Decide(1.3, Timeouts(7), Timeouts(4));
        Assert.Equal(0, Decide(2.09, Timeouts(7), Timeouts(4)));
        Assert.Null(Decide(2.11, Timeouts(7), Timeouts(4)));
    }

    [Fact]
    public void A_link_that_comes_up_is_trusted_after_a_while()
    {
        Decide(1, Seen.Up, Seen.Down);
        Assert.Equal(0, Decide(1.1, Seen.Up, Seen.Up));
        Assert.Equal("SUP up again, not trusted yet", _guard.Reason);
        Assert.Equal(0, Decide(1.29, Seen.Up, Seen.Up));
        Assert.Null(Decide(1.31, Seen.Up, Seen.Up));
    }

    [Fact]
    public void One_that_flaps_starts_the_while_anew()
    {
        Decide(1, Seen.Up, Seen.Down);
        Decide(1.1, Seen.Up, Seen.Up);
        Decide(1.2, Seen.Up, Seen.Down);
        Assert.Equal(0, Decide(1.25, Seen.Up, Seen.Up));
        Assert.Equal(0, Decide(1.4, Seen.Up, Seen.Up));
        Assert.Null(Decide(1.46, Seen.Up, Seen.Up));
    }

    [Fact]
    public void Timers_that_run_out_while_nothing_moves_are_a_black_hole()
    {
        Decide(1, Timeouts(7), Timeouts(3), isBusy: true);
        Assert.Equal(0, Decide(1.1, Timeouts(7), Timeouts(4)));
        Assert.Equal("SUP dead: its timers run out", _guard.Reason);
        Assert.Null(Decide(2.11, Timeouts(7), Timeouts(4)));
    }

    [Fact]
    public void Timers_that_run_out_while_bytes_move_are_none()
    {
        Decide(1, Timeouts(7), Timeouts(3), isBusy: true);
        Assert.Null(Decide(1.1, Timeouts(8), Timeouts(4), isBusy: true));
        Assert.Null(Decide(1.2, Timeouts(8), Timeouts(4)));
    }

    [Fact]
    public void In_a_long_sample_the_last_bytes_may_have_moved_before_the_timer_ran_out()
    {
        Decide(1, Timeouts(7), Timeouts(3), isBusy: true);
        _guard.Note(new Rates(0.05, 1e9, 1e9), 10e9, 0.5);
        Assert.Null(_guard.Decide(Seen.At(1.1, Timeouts(7), Timeouts(4)), isLong: true));
        Assert.Equal(0, Decide(1.2, Timeouts(7), Timeouts(4)));
        Assert.Equal("SUP dead: its timers run out", _guard.Reason);
    }

    [Fact]
    public void If_bytes_move_after_it_as_well_it_was_no_black_hole()
    {
        Decide(1, Timeouts(7), Timeouts(3), isBusy: true);
        _guard.Note(new Rates(0.05, 1e9, 1e9), 10e9, 0.5);
        Assert.Null(_guard.Decide(Seen.At(1.1, Timeouts(7), Timeouts(4)), isLong: true));
        Assert.Null(Decide(1.2, Timeouts(7), Timeouts(4), isBusy: true));
        Assert.Null(Decide(1.3, Timeouts(7), Timeouts(4)));
    }

    [Fact]
    public void The_count_of_timers_at_the_first_look_says_nothing() => Assert.Null(Decide(1, Timeouts(1000), Timeouts(1000)));

    [Fact]
    public void A_black_hole_is_left_alone_for_twice_as_long_each_time_up_to_a_limit()
    {
        var (now, count) = (10.0, 0ul);
        Decide(now, Timeouts(0), Timeouts(count));
        foreach (var retry in (double[])[1, 2, 4, 8, 16, 30, 30])
        {
            now += 0.1;
            Assert.Equal(0, Decide(now, Timeouts(0), Timeouts(++count)));
            Assert.Equal(0, Decide(now + retry - 0.01, Timeouts(0), Timeouts(count)));
            now += retry + 0.01;
            Assert.Null(Decide(now, Timeouts(0), Timeouts(count)));
        }

        // Forgiven.
        now += 61;
        Assert.Equal(0, Decide(now, Timeouts(0), Timeouts(++count)));
        Assert.Null(Decide(now + 1.01, Timeouts(0), Timeouts(count)));
    }

    [Fact]
    public void After_a_long_silence_the_first_bytes_go_over_SOUT_where_timers_are_not_counted()
    {
        Decide(0, Seen.Up, Seen.Up, isBusy: true);
        Assert.Null(Decide(1.9, Seen.Up, Seen.Up));
        Assert.Equal(0, Decide(2.1, Seen.Up, Seen.Up));
        Assert.Equal("SUP not trusted after a silence", _guard.Reason);
        Assert.Equal(0, Decide(9, Seen.Up, Seen.Up, isBusy: true));
        Assert.Null(Decide(9.005, Seen.Up, Seen.Up, isBusy: true));
    }

    [Fact]
    public void Where_timers_are_counted_a_silence_is_a_pause()
    {
        Decide(0, Timeouts(0), Timeouts(0), isBusy: true);
        Assert.Null(Decide(9, Timeouts(0), Timeouts(0)));
    }

    [Fact]
    public void Silence_right_after_SUP_was_let_in_again_is_its_fault()
    {
        LetInAgain();
        Assert.Equal(0, Decide(9.010, Seen.Up, Seen.Up));
        Assert.Equal("SUP dead: all fell silent when it was used", _guard.Reason);
        Assert.Equal(0, Decide(10.0, Seen.Up, Seen.Up));
        Assert.Null(Decide(10.02, Seen.Up, Seen.Up));
    }

    [Fact]
    public void Silence_after_a_while_of_traffic_is_not()
    {
        LetInAgain();
        Decide(9.040, Seen.Up, Seen.Up, isBusy: true);
        Assert.Null(Decide(9.045, Seen.Up, Seen.Up));
    }

    private static RailSample Timeouts(ulong count) => Seen.Up with { Timeouts = count };

    private void LetInAgain()
    {
        Decide(0, Seen.Up, Seen.Up, isBusy: true);
        Decide(5, Seen.Up, Seen.Up);
        Decide(9, Seen.Up, Seen.Up, isBusy: true);
        Assert.Null(Decide(9.005, Seen.Up, Seen.Up, isBusy: true));
    }

    private double? Decide(double seconds, RailSample sout, RailSample sup, bool isBusy = false, bool isSample = true) =>
        Decide(seconds, sout, sup, isBusy ? 1e9 : 0, isSample);

    /// <summary>With so many bytes a second on each rail, of links of 10 GB/s together.</summary>
    private double? Decide(double seconds, RailSample sout, RailSample sup, double rate, bool isSample = true)
    {
        if (isSample)
        {
            _guard.Note(new Rates(0.05, rate, rate), 10e9, 0.5);
        }

        return _guard.Decide(Seen.At(seconds, sout with { TxBytes = 0 }, sup with { TxBytes = 0 }) with { IsSample = isSample });
    }
}
