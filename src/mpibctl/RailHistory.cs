namespace MpibCtl;

/// <summary>Rates of a rail over its last readings. NaN: not known, since a counter is missing, was reset, or has been read but once.</summary>
public sealed class RailHistory
{
    /// <summary>How many readings are kept.</summary>
    public const int Length = 60;

    private readonly List<double> _sent = [], _received = [];
    private RailReading? _last;
    private long _lastAt;

    /// <summary>Bytes per second, the latest last.</summary>
    public IReadOnlyList<double> Sent => _sent;

    /// <summary>Bytes per second, the latest last.</summary>
    public IReadOnlyList<double> Received => _received;

    /// <summary>Errors and drops per second, at the latest reading.</summary>
    public double Errors { get; private set; } = double.NaN;

    /// <summary>Waits per second, in the device's ticks.</summary>
    public double Pauses { get; private set; } = double.NaN;

    /// <summary>One more reading, at a timestamp of the system's TimeProvider.</summary>
    public void Add(RailReading reading, long now)
    {
        if (_last is { } last)
        {
            var seconds = TimeProvider.System.GetElapsedTime(_lastAt, now).TotalSeconds;
            Keep(_sent, Rate(last.Sent, reading.Sent, seconds));
            Keep(_received, Rate(last.Received, reading.Received, seconds));
            Errors = Rate(last.Errors, reading.Errors, seconds);
            Pauses = Rate(last.Pauses, reading.Pauses, seconds);
        }

        (_last, _lastAt) = (reading, now);
    }

    private static double Rate(ulong? before, ulong? after, double seconds) => after >= before && seconds > 0 ? (after.Value - before.Value) / seconds : double.NaN;

    private static void Keep(List<double> rates, double rate)
    {
        if (rates.Count == Length)
        {
            rates.RemoveAt(0);
        }

        rates.Add(rate);
    }
}
