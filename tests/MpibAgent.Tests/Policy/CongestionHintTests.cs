using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class CongestionHintTests
{
    private readonly CongestionHint _hint = new();

    [Theory]
    [InlineData(200, 100, 1)]
    [InlineData(100, 200, -1)]
    [InlineData(140, 100, 0)]
    [InlineData(100, 140, 0)]
    [InlineData(141, 100, 1)]
    public void The_rail_with_the_clearly_higher_level_is_the_more_congested(byte sout, byte sup, int direction) =>
        Assert.Equal(direction, _hint.Direction([new PathLevels(sout, sup)]));

    [Fact]
    public void Levels_count_as_a_mean_over_the_flows_that_have_both()
    {
        Assert.Equal(0, _hint.Direction([new PathLevels(200, 100), new PathLevels(100, 120)]));
        Assert.Equal(1, _hint.Direction([new PathLevels(200, 100), new PathLevels(null, 255)]));
        Assert.Equal(0, _hint.Direction([new PathLevels(null, 255), default]));
    }

    [Fact]
    public void Wait_ticks_tell_where_levels_do_not()
    {
        Note(Ticks(0), Ticks(0));
        Note(Ticks(1000), Ticks(10));
        Assert.Equal(1, _hint.Direction([default]));
        Assert.Equal(-1, _hint.Direction([new PathLevels(0, 100)]));
        Assert.Equal(0, _hint.Direction([new PathLevels(100, 100)]));
    }

    [Fact]
    public void Notifications_tell_where_there_are_no_wait_ticks()
    {
        Note(Notifications(50), Notifications(50));
        Note(Notifications(50), Notifications(90));
        Assert.Equal(-1, _hint.Direction([default]));
    }

    [Fact]
    public void Ticks_of_one_rail_are_not_weighed_against_notifications_of_the_other()
    {
        Note(Ticks(0) with { Notifications = 0 }, Notifications(0));
        Note(Ticks(1_000_000) with { Notifications = 10 }, Notifications(500));
        Assert.Equal(-1, _hint.Direction([default]));
        Note(Ticks(2_000_000), Notifications(1000));
        Note(Ticks(3_000_000), Notifications(1500));
        Assert.Equal(-1, _hint.Direction([default]));
    }

    [Fact]
    public void Less_than_twice_as_much_tells_nothing()
    {
        Note(Ticks(0), Ticks(0));
        Note(Ticks(1000), Ticks(600));
        Assert.Equal(0, _hint.Direction([default]));
    }

    [Fact]
    public void A_counter_that_went_back_or_is_missing_tells_nothing()
    {
        Note(Ticks(5000), Ticks(0));
        Note(Ticks(4000), Ticks(0));
        Assert.Equal(0, _hint.Direction([default]));
        Note(Seen.Up, Ticks(90000));
        Note(Ticks(4000), Ticks(95000));
        Assert.Equal(0, _hint.Direction([default]));
    }

    [Fact]
    public void What_is_past_fades()
    {
        Note(Ticks(0), Ticks(0));
        Note(Ticks(1000), Ticks(0));
        for (var i = 0; i < 30; i++)
        {
            Note(Ticks(1000), Ticks(0));
        }

        Assert.Equal(0, _hint.Direction([default]));
    }

    private static RailSample Ticks(ulong ticks) => Seen.Up with { WaitTicks = ticks };

    private static RailSample Notifications(ulong count) => Seen.Up with { Notifications = count };

    private void Note(RailSample sout, RailSample sup) => _hint.Note(Seen.At(0, sout, sup), 1);
}
