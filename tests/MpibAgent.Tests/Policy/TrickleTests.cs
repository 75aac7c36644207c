using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class TrickleTests
{
    private static readonly Rates Little = new(0.0051, 1e6, 2e6);

    private readonly Trickle _trickle = new();

    [Fact]
    public void Traffic_goes_through_as_it_is()
    {
        Assert.Equal(Little, _trickle.Take(Little, isTraffic: true));
        Assert.Equal(Little, _trickle.Take(Little, isTraffic: true));
    }

    [Fact]
    public void So_does_the_end_of_a_burst()
    {
        _trickle.Take(Little, isTraffic: true);
        Assert.Equal(Little, _trickle.Take(Little, isTraffic: false));
        Assert.Null(_trickle.Take(Little, isTraffic: false));
    }

    [Fact]
    public void What_is_less_is_put_together_until_it_is_long_enough()
    {
        for (var i = 1; i < 16; i++)
        {
            Assert.Null(_trickle.Take(Little with { Sup = i % 2 == 0 ? 4e6 : 0 }, isTraffic: false));
        }

        var whole = _trickle.Take(Little, isTraffic: false)!.Value;
        Assert.Equal(16 * 0.0051, whole.Seconds, 6);
        Assert.Equal(1e6, whole.Sout, 0);
        Assert.Equal(((7 * 4e6) + 2e6) / 16, whole.Sup, 0);
        Assert.Null(_trickle.Take(Little, isTraffic: false));
    }

    [Fact]
    public void What_had_come_together_before_a_burst_counts_no_more()
    {
        for (var i = 0; i < 15; i++)
        {
            _trickle.Take(Little, isTraffic: false);
        }

        _trickle.Take(Little, isTraffic: true);
        _trickle.Take(Little, isTraffic: false);
        Assert.Null(_trickle.Take(Little, isTraffic: false));
    }
}
