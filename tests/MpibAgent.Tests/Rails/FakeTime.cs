namespace MpibAgent.Tests.Rails;

/// <summary>A clock that stands until it is moved; optionally each look at it takes time.</summary>
internal sealed class FakeTime : TimeProvider
{
    private long _nanoseconds = 1_000_000_000;

    /// <summary>How far the clock goes on with each look.</summary>
    public TimeSpan PerLook { get; set; }

    public override long TimestampFrequency => 1_000_000_000;

    public void Advance(TimeSpan time) => _nanoseconds += (long)time.TotalNanoseconds;

    public override long GetTimestamp()
    {
        var now = _nanoseconds;
        Advance(PerLook);
        return now;
    }
}
