using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class RateMeterTests
{
    private readonly RateMeter _meter = new();

    [Fact]
    public void Two_readings_make_a_sample()
    {
        Assert.Null(Read(1, 1000, 5000));
        Assert.Equal(new Rates(0.5, 200, 400), Read(1.5, 1100, 5200));
        Assert.Equal(new Rates(0.25, 0, 4), Read(1.75, 1100, 5201));
    }

    [Theory]
    [InlineData(null, 5100ul)]
    [InlineData(1100ul, null)]
    [InlineData(null, null)]
    public void A_reading_that_failed_loses_the_interval_and_nothing_after_it(ulong? sout, ulong? sup)
    {
        Read(1, 1000, 5000);
        Assert.Null(Read(2, sout, sup));
        Assert.Null(Read(3, 1300, 5300));
        Assert.Equal(new Rates(1, 50, 70), Read(4, 1350, 5370));
    }

    [Theory]
    [InlineData(10ul, 5100ul)]
    [InlineData(1100ul, 10ul)]
    public void A_counter_that_went_back_starts_the_measurement_anew(ulong sout, ulong sup)
    {
        Read(1, 1000, 5000);
        Assert.Null(Read(2, sout, sup));
        Assert.Equal(new Rates(1, 5, 7), Read(3, sout + 5, sup + 7));
    }

    [Fact]
    public void Two_readings_at_one_moment_are_no_sample()
    {
        Read(1, 1000, 5000);
        Assert.Null(Read(1, 2000, 6000));
        Assert.Equal(new Rates(1, 3000, 1000), Read(2, 4000, 6000));
    }

    [Fact]
    public void A_sample_has_as_many_readings_as_asked_for()
    {
        _meter.Width = 4;
        Read(0, 0, 0);
        Assert.Null(Read(1, 10, 1));
        Assert.Null(Read(2, 10, 2));
        Assert.Null(Read(3, 40, 3));
        Assert.Equal(new Rates(4, 10, 1), Read(4, 40, 4));
        Assert.Null(Read(5, 50, 5));
    }

    [Fact]
    public void Counters_that_are_refreshed_slowly_are_read_over_whole_refreshes_and_to_the_byte()
    {
        // Read every 5 ms, refreshed every 20.
        var samples = new List<Rates>();
        for (var i = 0; i < 800; i++)
        {
            var refreshed = (ulong)(i / 4 * 4);
            if (Read(i * 0.005, refreshed * 1000, refreshed * 3000) is { } rates && i >= 400)
            {
                samples.Add(rates);
            }
        }

        Assert.Equal(0.02, _meter.Refresh, 0.001);
        Assert.NotEmpty(samples);
        Assert.All(samples, rates =>
        {
            Assert.InRange(rates.Seconds, 0.0199, 0.0201);
            Assert.Equal((200_000.0, 600_000.0), (Math.Round(rates.Sout, 3), Math.Round(rates.Sup, 3)));
        });
    }

    /// <summary>Readings come early and late, so each sees a refresh late by another part of a reading: over one refresh that alone would be up to half of the rate.</summary>
    [Theory]
    [InlineData(0.007)]
    [InlineData(0.01)]
    [InlineData(0.015)]
    public void When_a_counter_was_refreshed_is_known_better_than_to_a_reading(double refresh)
    {
        var random = new Random(1);
        var samples = new List<Rates>();
        var now = 0.0;
        while (now < 4)
        {
            now += 0.005 * (0.8 + (0.4 * random.NextDouble()));
            var refreshed = Math.Floor(now / refresh) * refresh;
            if (Read(now, (ulong)(refreshed * 1e9), (ulong)(refreshed * 3e9)) is { } rates && now > 2)
            {
                samples.Add(rates);
            }
        }

        Assert.Equal(refresh, _meter.Refresh, 0.02 * refresh);
        Assert.True(samples.Count > 1 / refresh, $"expected a sample for most refreshes, got {samples.Count} in 2 s");
        Assert.All(samples, rates => Assert.Equal((1, 3), (rates.Sout / 1e9, rates.Sup / 1e9), (a, b) => Math.Abs(a.Item1 - b.Item1) < 0.03 && Math.Abs(a.Item2 - b.Item2) < 0.09));
    }

    /// <summary>At every reading one of the two has moved, never both.</summary>
    [Fact]
    public void Counters_that_are_refreshed_every_other_reading_in_turns_are_measured_each_from_its_own_refreshes()
    {
        Rates? last = null;
        for (var i = 0; i < 400; i++)
        {
            last = Read(i * 0.005, (ulong)(i / 2 * 2) * 1000, (ulong)((i + 1) / 2 * 2) * 3000) ?? last;
        }

        Assert.Equal(0.01, _meter.Refresh, 0.001);
        Assert.Equal((200_000.0, 600_000.0), (Math.Round(last!.Value.Sout, 3), Math.Round(last.Value.Sup, 3)));
    }

    /// <summary>With big messages a rail goes alone, message by message, each as long as the one before, beside another that is full.</summary>
    [Fact]
    public void One_rail_that_waits_for_the_other_is_no_slow_refresh()
    {
        for (var i = 0; i < 400; i++)
        {
            Read(i * 0.005, (ulong)(i / 3 * 3) * 1000, (ulong)i * 3000);
        }

        Assert.Equal(0, _meter.Refresh);
    }

    [Fact]
    public void Silence_is_told_also_where_counters_are_refreshed_slowly()
    {
        ulong bytes = 0;
        var i = 0;
        for (; i < 400; i++)
        {
            bytes = (ulong)(i / 4 * 4) * 1000;
            Read(i * 0.005, bytes, bytes);
        }

        var told = Enumerable.Range(i, 20).Select(k => Read(k * 0.005, bytes, bytes)).OfType<Rates>().ToList();
        Assert.Contains(told, rates => rates.Sum == 0);
    }

    [Fact]
    public void Counters_that_are_refreshed_every_second_at_moments_of_their_own_are_measured_from_refresh_to_refresh()
    {
        var samples = ReadEverySecond(0, 4000).ToList();
        Assert.Equal(1, _meter.Refresh, 0.02);
        var told = samples[^5..];
        Assert.All(told, rates =>
        {
            Assert.Equal(1, rates.Seconds, 0.011);
            Assert.Equal((1, 3), (Math.Round(rates.Sout / Gigabyte, 1), Math.Round(rates.Sup / Gigabyte, 1)));
        });
    }

    [Fact]
    public void The_end_of_what_was_sent_is_told_as_less_on_both_rails_and_then_nothing()
    {
        Assert.NotEmpty(ReadEverySecond(0, 4000).ToList());
        var after = ReadEverySecond(4000, 5000, stop: 4110).ToList();
        var end = after.Single(rates => rates.Sum is > 0 and < 3.5 * Gigabyte);
        Assert.InRange(end.Sout / Gigabyte, 0.01, 0.9);
        Assert.InRange(end.Sup / Gigabyte, 0.01, 2.7);
        Assert.Equal(0, after[^1].Sum);
        Assert.True(after.FindIndex(rates => rates.Sum == 0) <= 3);
    }

    [Fact]
    public void A_rail_that_gets_nothing_holds_the_others_samples_up_no_longer_than_a_refresh_and_a_half()
    {
        Assert.NotEmpty(ReadEverySecond(0, 4000).ToList());
        var samples = ReadEverySecond(4000, 6000, sup: 0).ToList();
        Assert.InRange(samples.Count, 8, 11);
        Assert.All(samples[3..], rates => Assert.Equal((1, 0), (Math.Round(rates.Sout / Gigabyte, 1), rates.Sup)));
    }

    /// <summary>What slow counters show is the same in the next reading.</summary>
    [Fact]
    public void A_reading_that_fails_costs_no_refresh_of_counters_that_are_refreshed_every_second()
    {
        Assert.NotEmpty(ReadEverySecond(0, 4000).ToList());
        var samples = 0;
        for (var i = 4000; i < 14000; i += 50)
        {
            Assert.Null(Read((i * 0.005) + 0.001, null, null));
            samples += ReadEverySecond(i, i + 50).Count();
        }

        // A window ends with the first refresh after 0.9 of one.
        Assert.InRange(samples, 45, 51);
    }

    [Theory]
    [InlineData(20, 20)]
    [InlineData(10, 3)]
    [InlineData(4, 2)]
    [InlineData(12, 1)]
    public void A_pause_is_no_slow_refresh(int moves, int pauses)
    {
        for (var i = 0; i < 1000; i++)
        {
            var (burst, at) = Math.DivRem(i, moves + pauses);
            var bytes = (ulong)((burst * moves) + Math.Min(at, moves)) * 1000;
            Read(i * 0.005, bytes, bytes);
        }

        Assert.Equal(0, _meter.Refresh);
    }

    private const double Gigabyte = 1e9;

    /// <summary>Rates of 1 and 3 GB/s over links of 5, read every 5 ms; SOUT's counter is refreshed at every full second, SUP's 0.37 s later.</summary>
    private IEnumerable<Rates> ReadEverySecond(int from, int to, int stop = int.MaxValue, double sup = 3)
    {
        var supBefore = 3 * Math.Max(0, Math.Floor((from * 0.005) - 0.37));
        for (var i = from; i < to; i++)
        {
            var (now, end) = (i * 0.005, stop * 0.005);
            var sout = Math.Min(Math.Floor(now), end);
            var supSeconds = Math.Max(0, Math.Min(Math.Floor(now - 0.37) + 0.37, end));
            var supBytes = sup > 0 ? sup * supSeconds : supBefore;
            var link = Seen.Up with { LinkRate = 5 * Gigabyte };
            if (_meter.TryRead(Seen.At(now, link with { TxBytes = (ulong)(sout * Gigabyte) }, link with { TxBytes = (ulong)(supBytes * Gigabyte) }), out var rates))
            {
                yield return rates;
            }
        }
    }

    private Rates? Read(double seconds, ulong? sout, ulong? sup) => _meter.TryRead(Seen.Bytes(seconds, sout, sup), out var rates) ? rates : null;
}
