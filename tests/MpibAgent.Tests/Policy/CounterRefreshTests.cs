using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

/// <summary>A link of 1000 bytes per second, read every 10 ms: 10 bytes a reading are all that it carries.</summary>
public sealed class CounterRefreshTests
{
    private const double Link = 1000, Reading = 0.01;

    private readonly CounterRefresh _refresh = new();
    private int _readings;
    private ulong _bytes;

    [Theory]
    [InlineData(10, 20)]
    [InlineData(10, 100)]
    [InlineData(100, 30)]
    [InlineData(100, 3)]
    public void A_counter_that_stands_still_and_jumps_by_more_than_the_link_carries_is_refreshed_slowly(int readings, double percentOfLink)
    {
        Go(3 * readings, readings, percentOfLink);
        Assert.Equal(0, _refresh.Seconds);
        Go(12 * readings, readings, percentOfLink);
        Assert.Equal(readings * Reading, _refresh.Seconds, 0.001);
    }

    [Theory]
    [InlineData(1, 9)]
    [InlineData(3, 20)]
    [InlineData(1, 200)]
    public void Bursts_at_the_rate_of_the_link_are_no_refresh(int moves, int pauses)
    {
        for (var burst = 0; burst < 50; burst++)
        {
            Add(moves, 10);
            Add(pauses, 0);
        }

        Assert.Equal(0, _refresh.Seconds);
    }

    [Fact]
    public void A_link_that_carries_more_than_its_rate_says_is_not_refreshed_slowly()
    {
        for (var burst = 0; burst < 50; burst++)
        {
            Add(3, 100);
            Add(20, 0);
        }

        Assert.Equal(0, _refresh.Seconds);
    }

    [Fact]
    public void Of_a_link_of_unknown_rate_nothing_is_told()
    {
        for (var i = 0; i < 1000; i++)
        {
            _refresh.Note(i * Reading, (ulong)(i / 20 * 20 * 10), link: 0);
        }

        Assert.Equal(0, _refresh.Seconds);
    }

    [Fact]
    public void A_pause_of_the_job_is_no_refresh()
    {
        Go(40, 20, 100);
        Add(500, 0);
        Go(200, 20, 100);
        Assert.Equal(0.2, _refresh.Seconds, 0.001);
        Add(5000, 0);
        Go(200, 20, 100);
        Assert.Equal(0.2, _refresh.Seconds, 0.001);
    }

    [Fact]
    public void It_is_forgotten_when_the_counter_moves_with_every_reading()
    {
        Go(400, 20, 100);
        Assert.Equal(0.2, _refresh.Seconds, 0.001);
        Add(10, 10);
        Assert.Equal(0, _refresh.Seconds);
    }

    [Fact]
    public void It_outlasts_a_counter_that_went_back()
    {
        Go(400, 20, 100);
        _refresh.StartAnew();
        _bytes = 0;
        Add(1, 0);
        Assert.Equal(0.2, _refresh.Seconds, 0.001);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(2)]
    public void A_counter_that_moves_by_the_same_every_few_readings_looks_refreshed(int readings)
    {
        Go(20 * readings, readings, 10);
        Assert.Equal(readings * Reading, _refresh.Few, 0.001);
        Assert.Equal(0, _refresh.Seconds);
    }

    [Fact]
    public void It_looks_so_also_where_a_refresh_takes_little_longer_than_a_reading()
    {
        for (var i = 0; i < 100; i++)
        {
            Add(2, 5);
            Add(1, 0);
        }

        Assert.Equal(1.5 * Reading, _refresh.Few, 0.2 * Reading);
        Add(100, 5);
        Assert.Equal(0, _refresh.Few);
    }

    [Fact]
    public void It_looks_so_also_where_a_reading_now_and_then_misses_a_refresh_that_the_next_makes_up_for()
    {
        for (var i = 0; i < 100; i++)
        {
            Add(1, 0);
            Add(1, 10);
            Add(4, 5);
        }

        Assert.InRange(_refresh.Few, Reading, 1.5 * Reading);
    }

    /// <summary>The readings at the ends of a burst hold any part of one.</summary>
    [Theory]
    [InlineData(1.3, 2.2)]
    [InlineData(2.4, 2.3)]
    [InlineData(2.4, 1.1)]
    public void Short_bursts_do_not_look_so(double sends, double pauses)
    {
        for (var i = 0; i < 1000; i++)
        {
            var (burst, at) = (Math.Floor(i / (sends + pauses)), i % (sends + pauses));
            _refresh.Note(i * Reading, (ulong)(1000 * ((burst * sends) + Math.Min(at, sends))), Link);
            Assert.Equal(0, _refresh.Few);
        }
    }

    private void Go(int readings, int perRefresh, double percentOfLink)
    {
        for (var i = 1; i <= readings; i++)
        {
            Add(1, i % perRefresh == 0 ? (ulong)(perRefresh * 10 * percentOfLink / 100) : 0);
        }
    }

    private void Add(int readings, ulong bytes)
    {
        for (var i = 0; i < readings; i++)
        {
            _bytes += bytes;
            _refresh.Note(++_readings * Reading, _bytes, Link);
        }
    }
}
