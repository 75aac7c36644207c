using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class DrainWatchTests
{
    private readonly DrainWatch _watch = new();

    [Fact]
    public void A_rail_that_goes_on_alone_tells_both_capacities()
    {
        // SOUT has its part of each message through in a tenth of the time that SUP takes.
        var full = Note(readings: 20, i => i % 10 == 0 ? (8e9, 1e9) : (0, 1e9), held: 0);
        Assert.Equal(Math.Log(1.0 / 8), full!.Value, 1e-6);
    }

    [Fact]
    public void Which_rail_it_is_makes_no_difference() =>
        Assert.Equal(Math.Log(8), Note(readings: 20, i => i % 10 == 0 ? (1e9, 8e9) : (1e9, 0), held: 0)!.Value, 1e-6);

    [Fact]
    public void A_moment_is_too_short_for_a_verdict()
    {
        Assert.Null(Note(readings: 19, i => i % 2 == 0 ? (8e9, 1e9) : (0, 1e9), held: 0));
        Assert.NotNull(Note(readings: 1, _ => (0, 1e9), held: 0));
        Assert.Null(Note(readings: 30, i => i % 2 == 0 ? (8e9, 1e9) : (0, 1e9), held: 0, seconds: 0.003));
    }

    [Fact]
    public void The_tail_of_a_burst_that_is_short_is_none() => Assert.Null(Note(readings: 200, i => i % 20 < 18 ? (8e9, 1e9) : (0, 1e9), held: 0));

    [Fact]
    public void Others_traffic_that_is_alone_while_the_job_pauses_is_none() =>
        Assert.Null(Note(readings: 200, i => i % 2 == 0 ? (4e9, 1e9) : (0, 0.5e9), held: 0));

    [Fact]
    public void A_rail_of_which_nothing_was_seen_has_no_capacity() => Assert.Null(Note(readings: 200, _ => (0, 1e9), held: 0));

    [Fact]
    public void A_split_as_good_as_that_stays() => Assert.Null(Note(readings: 200, i => i % 10 == 0 ? (8e9, 1e9) : (0, 1e9), held: Math.Log(1.0 / 8) + 0.1));

    [Fact]
    public void What_was_before_a_reset_counts_no_more()
    {
        Note(readings: 19, i => i % 10 == 0 ? (8e9, 1e9) : (0, 1e9), held: 0);
        _watch.Reset();
        Assert.Null(Note(readings: 1, _ => (0, 1e9), held: 0));
    }

    private double? Note(int readings, Func<int, (double Sout, double Sup)> rates, double held, double seconds = 0.005)
    {
        double? full = null;
        for (var i = 0; i < readings; i++)
        {
            var (sout, sup) = rates(i);
            full ??= _watch.Note(new Rates(seconds, sout, sup), isSoutAlone: sup == 0, isSupAlone: sout == 0, held);
        }

        return full;
    }
}
