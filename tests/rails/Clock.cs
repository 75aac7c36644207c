using System.Diagnostics;

namespace MpibAgent.RealRails;

/// <summary>CLOCK_MONOTONIC, which the C program goes by too.</summary>
internal static class Clock
{
    private const double NsPerSecond = 1e9;

    static Clock() => Trace.Assert(Stopwatch.Frequency == (long)NsPerSecond);

    public static long NowNs => Stopwatch.GetTimestamp();

    public static long After(long ns, double seconds) => ns + (long)(seconds * NsPerSecond);

    public static double Seconds(long ns) => ns / NsPerSecond;

    public static async Task UntilAsync(long ns, CancellationToken cancellation)
    {
        var left = Seconds(ns - NowNs);
        if (left > 0)
        {
            await Task.Delay(TimeSpan.FromSeconds(left), cancellation);
        }
    }
}
