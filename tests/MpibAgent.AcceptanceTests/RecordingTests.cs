using MpibAgent.RealRails;

namespace MpibAgent.AcceptanceTests;

public sealed class RecordingTests
{
    private const long Second = 1_000_000_000;

    // 400 Mbit/s all the time, sampled every 10 ms.
    private static readonly Sample[] TenSeconds = [.. Enumerable.Range(0, 1001).Select(i => new Sample(i * Second / 100, i * 500_000L, 0, 0, 768, i * Second / 100, 8))];

    [Fact]
    public void A_change_that_came_when_the_run_was_over_is_left_out()
    {
        // On a machine that is too busy to change the rails in time.
        Epoch[] epochs = [new(0, new Rates(100, 300)), new(4 * Second, new Rates(100, 75)), new(11 * Second, new Rates(100, 300)), new(12 * Second, new Rates(100, 75))];
        Assert.Equal([(true, (double?)0)], Returns(epochs));
    }

    [Fact]
    public void A_change_just_before_the_end_is_left_out()
    {
        Epoch[] epochs = [new(0, new Rates(100, 300)), new((9 * Second) + (Second / 2), new Rates(100, 75)), new(11 * Second, new Rates(100, 300))];
        Assert.Empty(Returns(epochs));
    }

    [Fact]
    public void Goodput_that_stays_below_a_new_optimum_is_never_back()
    {
        Epoch[] epochs = [new(0, new Rates(100, 300)), new(4 * Second, new Rates(100, 900)), new(11 * Second, new Rates(100, 300))];
        Assert.Equal([(false, (double?)null)], Returns(epochs));
    }

    private static IEnumerable<(bool IsDown, double? Seconds)> Returns(Epoch[] epochs) =>
        new Recording(new Case("case", "changes", 300, 10), new Hints("ppm1024"), TenSeconds, epochs).Returns();
}
