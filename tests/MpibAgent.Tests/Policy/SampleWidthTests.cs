using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class SampleWidthTests
{
    private const double Rate = 1e9;

    /// <summary>80 ms.</summary>
    private const int Most = 16;

    private readonly SampleWidth _width = new(TimeSpan.FromMilliseconds(5));

    [Fact]
    public void Steady_rates_are_read_one_by_one()
    {
        Note(200, _ => (1, 1));
        Assert.Equal(1, _width.Readings);
    }

    [Fact]
    public void Samples_become_longer_where_the_ratio_is_noise_and_at_most_80_ms()
    {
        Note(200, i => i % 2 == 0 ? (1.3, 0.7) : (0.7, 1.3));
        Assert.Equal(Most, _width.Readings);
    }

    [Fact]
    public void They_stay_short_where_the_demand_goes_up_and_down()
    {
        Note(200, i => i % 2 == 0 ? (1.3, 1.3) : (0.7, 0.7));
        Assert.Equal(1, _width.Readings);
    }

    [Fact]
    public void They_stay_short_where_one_rail_is_steady_and_so_full()
    {
        Note(200, i => (1, i % 2 == 0 ? 0.7 : 1.3));
        Assert.Equal(1, _width.Readings);
    }

    [Fact]
    public void They_become_short_again_when_the_noise_has_gone()
    {
        Note(200, i => i % 2 == 0 ? (1.3, 0.7) : (0.7, 1.3));
        Note(200, _ => (1, 1));
        Assert.Equal(1, _width.Readings);
    }

    [Fact]
    public void Samples_of_a_split_that_moves_say_nothing()
    {
        Note(200, i => i % 2 == 0 ? (1.3, 0.7) : (0.7, 1.3), isSteady: false);
        Assert.Equal(1, _width.Readings);
    }

    [Fact]
    public void One_outlier_changes_nothing()
    {
        Note(50, _ => (1, 1));
        Note(1, _ => (1.5, 0.001));
        Note(1, _ => (1, 1));
        Assert.Equal(1, _width.Readings);
    }

    [Fact]
    public void A_period_as_long_as_the_longest_sample_is_not_made_longer()
    {
        var width = new SampleWidth(TimeSpan.FromMilliseconds(100));
        for (var i = 0; i < 200; i++)
        {
            width.Note(i % 2 == 0 ? new Rates(0.1, 1.3 * Rate, 0.7 * Rate) : new Rates(0.1, 0.7 * Rate, 1.3 * Rate), isSteady: true);
        }

        Assert.Equal(1, width.Readings);
    }

    private void Note(int count, Func<int, (double Sout, double Sup)> part, bool isSteady = true)
    {
        for (var i = 0; i < count; i++)
        {
            var (sout, sup) = part(i);
            _width.Note(new Rates(0.005 * _width.Readings, sout * Rate, sup * Rate), isSteady);
        }
    }
}
