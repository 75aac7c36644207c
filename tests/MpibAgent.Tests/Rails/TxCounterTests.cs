using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

public sealed class TxCounterTests
{
    private const ulong Width = 1UL << 32;

    [Fact]
    public void It_counts_in_its_unit()
    {
        var counter = new TxCounter(4);
        Assert.Equal(4000ul, counter.Follow(1000, out _));
        Assert.Equal(4004ul, counter.Follow(1001, out var step));
        Assert.Equal(CounterStep.Forward, step);
    }

    [Theory]
    [InlineData(Width - 1, 0, true)]
    [InlineData(Width - (Width / 8), (Width / 8) - 1, true)]
    [InlineData(Width - (Width / 8) - 1, 0, false)]
    [InlineData(Width - 1, Width / 8, false)]
    [InlineData(Width, 0, false)]
    [InlineData(ulong.MaxValue, 0, false)]
    [InlineData(1000, 0, false)]
    public void Only_a_fall_from_near_the_end_of_32_bits_to_near_0_is_a_wrap(ulong from, ulong to, bool isWrap)
    {
        var counter = new TxCounter(1);
        var before = counter.Follow(from, out _);
        var after = counter.Follow(to, out var step);
        Assert.Equal(isWrap ? CounterStep.Wrapped : CounterStep.Reset, step);
        Assert.Equal(isWrap ? to + Width : to, after);
        Assert.Equal(isWrap, after > before);
    }

    [Fact]
    public void A_counter_that_wraps_often_goes_on_for_ever()
    {
        var counter = new TxCounter(4);
        ulong real = Width - 100, expected = 4 * (Width - 100);
        Assert.Equal(expected, counter.Follow((uint)real, out _));
        for (var i = 0; i < 1000; i++)
        {
            real += Width / 9;
            Assert.Equal(4 * real, counter.Follow((uint)real, out var step));
            Assert.NotEqual(CounterStep.Reset, step);
        }
    }

    [Fact]
    public void A_reset_goes_back_also_after_a_wrap()
    {
        var counter = new TxCounter(1);
        counter.Follow(Width - 1, out _);
        Assert.Equal(Width + 5, counter.Follow(5, out _));
        Assert.Equal(2ul, counter.Follow(2, out var step));
        Assert.Equal(CounterStep.Reset, step);
        Assert.Equal(9ul, counter.Follow(9, out _));
    }
}
