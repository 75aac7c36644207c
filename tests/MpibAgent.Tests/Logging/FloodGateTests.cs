using MpibAgent.Logging;

namespace MpibAgent.Tests.Logging;

public sealed class FloodGateTests
{
    private readonly HandClock _clock = new();
    private readonly FloodGate _gate;

    public FloodGateTests() => _gate = new FloodGate(_clock, limit: 3, interval: TimeSpan.FromSeconds(10));

    [Fact]
    public void The_first_lines_pass_and_the_rest_are_counted_until_the_interval_is_over()
    {
        Assert.Equal([true, true, true, false, false], Admit(5));
        Assert.Equal(0, _gate.TakeSuppressed());

        _clock.Milliseconds += 9_999;
        Assert.Equal([false], Admit(1));
        Assert.Equal(0, _gate.TakeSuppressed());

        _clock.Milliseconds += 1;
        Assert.Equal(3, _gate.TakeSuppressed());
        Assert.Equal(0, _gate.TakeSuppressed());
        Assert.Equal([true, true, true, false], Admit(4));
    }

    [Fact]
    public void An_interval_begins_with_a_line_and_not_with_the_end_of_the_last_one()
    {
        Assert.Equal(0, _gate.IntervalEnd);
        _clock.Milliseconds = 5_000;
        Admit(1);
        Assert.Equal(15_000, _gate.IntervalEnd);

        _clock.Milliseconds = 100_000;
        Admit(3);
        Assert.Equal(110_000, _gate.IntervalEnd);
        _clock.Milliseconds = 109_999;
        Assert.Equal([false], Admit(1));
    }

    [Fact]
    public void A_count_that_nobody_took_in_time_is_not_lost()
    {
        Admit(5);
        _clock.Milliseconds += 10_000;
        Admit(4);
        Assert.Equal(2, _gate.TakeSuppressed());

        _clock.Milliseconds += 10_000;
        Admit(6);
        _clock.Milliseconds += 10_000;
        Assert.Equal(1 + 3, _gate.TakeSuppressed());
    }

    [Fact]
    public void Unless_told_otherwise_twenty_lines_pass_in_ten_seconds()
    {
        var gate = new FloodGate(_clock);
        Assert.Equal(20, Enumerable.Range(0, 50).Count(_ => gate.Admit()));
        Assert.Equal(10_000, gate.IntervalEnd);
    }

    [Fact]
    public void A_gate_that_lets_nothing_through_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new FloodGate(_clock, limit: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FloodGate(_clock, interval: TimeSpan.Zero));
    }

    private bool[] Admit(int count) => [.. Enumerable.Range(0, count).Select(_ => _gate.Admit())];

    private sealed class HandClock : TimeProvider
    {
        public long Milliseconds { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Milliseconds;
    }
}
