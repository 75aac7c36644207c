using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

public sealed class FrozenWatchTests
{
    private const ulong Much = FrozenWatch.MovedMeanwhile;

    private readonly FakeTime _time = new();

    [Fact]
    public void A_counter_that_stands_while_the_other_rail_sends_is_frozen()
    {
        var watch = Started();
        Look(ref watch, own: 5, other: Much, after: 9.9);
        Assert.False(watch.IsFrozen);
        Look(ref watch, own: 5, other: Much, after: 0.1);
        Assert.True(watch.IsFrozen);
        Look(ref watch, own: 6, other: Much, after: 0.1);
        Assert.False(watch.IsFrozen);
    }

    [Theory]
    [InlineData(5ul, Much - 1, true)]
    [InlineData(6ul, Much, true)]
    [InlineData(null, Much, true)]
    [InlineData(5ul, null, true)]
    [InlineData(5ul, Much, false)]
    public void An_idle_pair_a_missing_counter_or_a_rail_without_a_share_is_not(ulong? own, ulong? other, bool isToMove)
    {
        var watch = Started();
        Look(ref watch, own, other, 6, isToMove);
        Look(ref watch, own, other, 6, isToMove);
        Assert.False(watch.IsFrozen);
    }

    [Fact]
    public void What_went_on_while_nobody_looked_does_not_count()
    {
        var watch = Started();
        Look(ref watch, own: 5, other: Much, after: 60);
        Look(ref watch, own: 5, other: Much + 1, after: 10);
        Assert.False(watch.IsFrozen);
        Look(ref watch, own: 5, other: 2 * Much, after: 10);
        Assert.True(watch.IsFrozen);
    }

    [Fact]
    public void When_the_other_counter_was_reset_all_begins_anew()
    {
        var watch = new FrozenWatch(_time);
        Look(ref watch, own: 5, other: 2 * Much, after: 0);
        Look(ref watch, own: 5, other: 1, after: 10);
        Assert.False(watch.IsFrozen);
        Look(ref watch, own: 5, other: Much + 1, after: 10);
        Assert.True(watch.IsFrozen);
    }

    private FrozenWatch Started()
    {
        var watch = new FrozenWatch(_time);
        Look(ref watch, own: 5, other: 0, after: 0);
        return watch;
    }

    private void Look(ref FrozenWatch watch, ulong? own, ulong? other, double after, bool isToMove = true)
    {
        _time.Advance(TimeSpan.FromSeconds(after));
        watch.Look(own, other, isToMove, _time.GetTimestamp());
    }
}
