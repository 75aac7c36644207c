using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class ShortBurstsTests
{
    private const double Share = 0.25;

    private readonly ShortBursts _bursts = new();

    [Fact]
    public void Steady_traffic_is_let_through_sample_by_sample() =>
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal(At(1 + (0.02 * (i % 5))), Take(1 + (0.02 * (i % 5)))));

    [Fact]
    public void Of_short_bursts_only_what_they_fill_is_let_through()
    {
        // Half a sample, two whole ones, a third of one, and a pause.
        var passed = Play(100, 0.5, 1, 1, 0.3, 0);
        Assert.All(passed[60..], sample => Assert.Equal(1, Level(sample), 1e-6));
        Assert.InRange(passed.Count, 90, 300);
        Assert.True(_bursts.IsOn);
    }

    [Fact]
    public void Of_bursts_that_fill_no_two_samples_the_fullest_is() =>
        Assert.All(Play(200, 0.6, 1, 0.2, 0)[30..], sample => Assert.Equal(1, Level(sample), 1e-6));

    [Fact]
    public void What_is_let_through_stands_for_all_the_seconds_of_traffic() =>
        Assert.Equal(300 * 0.005, Play(100, 0.6, 1, 0.2, 0).Sum(sample => sample.Seconds), 0.055);

    [Fact]
    public void Two_low_samples_that_are_alike_are_none_once_there_was_a_fuller_one()
    {
        Play(50, 0.5, 1, 0.3, 0);
        Take(0);
        _bursts.Take(new Rates(0.005, 0.5e9, 0.5e9), isTraffic: true, share: 0.5);
        Assert.All(new[] { 1, 0.3, 0.3, 1 }, level => Assert.Null(Take(level)));
        Assert.Equal(At(1) with { Seconds = 0.025 }, Take(1));
    }

    [Fact]
    public void No_sample_is_of_two_splits()
    {
        Play(50, 0.5, 1, 0.3, 0);
        Take(1);
        var other = new Rates(0.005, 0.6e9, 0.4e9);
        Assert.Null(_bursts.Take(other, isTraffic: true, share: 0.4));
        Assert.Equal(other with { Seconds = 0.01 }, _bursts.Take(other, isTraffic: true, share: 0.4));
    }

    [Fact]
    public void Rates_that_do_not_go_by_the_split_are_no_bursts()
    {
        // SUP waits for SOUT, or others come and go on it.
        for (var i = 0; i < 200; i++)
        {
            Assert.NotNull(_bursts.Take(new Rates(0.005, 1e9, i % 2 == 0 ? 2e9 : 0.05e9), isTraffic: true, Share));
        }
    }

    [Fact]
    public void Samples_and_pauses_in_turn_are_slow_counters_and_no_bursts() => Assert.Equal(200, Play(100, 1, 0).Count);

    [Fact]
    public void Samples_that_are_as_long_as_it_waits_are_taken_as_they_are()
    {
        Play(50, 0.5, 1, 0.3, 0);
        _bursts.Take(At(1) with { Seconds = 0.08 }, isTraffic: true, Share);
        var x = At(0.3) with { Seconds = 0.08 };
        Assert.Equal(x, _bursts.Take(x, isTraffic: true, Share));
        Assert.True(_bursts.IsOn);
    }

    [Fact]
    public void Long_bursts_end_it()
    {
        Play(50, 0.5, 1, 0.3, 0);
        Assert.True(_bursts.IsOn);
        Play(50, 1);
        Assert.False(_bursts.IsOn);
    }

    [Fact]
    public void So_does_a_long_pause_whose_trickle_is_to_be_seen()
    {
        Play(50, 0.5, 1, 0.3, 0);
        Assert.Empty(Play(395, 0.001));
        Assert.NotEmpty(Play(10, 0.001));
        Assert.False(_bursts.IsOn);
    }

    /// <summary>What is let through of so many rounds of these levels. A thousandth and less is no traffic.</summary>
    private List<Rates> Play(int rounds, params double[] levels) =>
        [.. Enumerable.Range(0, rounds).SelectMany(_ => levels).Select(Take).OfType<Rates>()];

    private Rates? Take(double level) => _bursts.Take(At(level), isTraffic: level > 0.001, Share);

    private static Rates At(double level) => new(0.005, level * 0.75e9, level * 0.25e9);

    private static double Level(in Rates x) => x.Sum / 1e9;
}
