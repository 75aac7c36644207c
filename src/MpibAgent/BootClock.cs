using System.Runtime.InteropServices;

namespace MpibAgent;

/// <summary>CLOCK_BOOTTIME, on which the times of the status file are: no step of the wall clock moves it. The agent writes them, its tools compare.</summary>
internal static partial class BootClock
{
    private const int SinceBoot = 7;

    /// <summary>Seconds since boot, suspended ones too.</summary>
    public static double Now()
    {
        Span<long> time = stackalloc long[2];
        _ = GetTime(SinceBoot, time);
        return time[0] + (time[1] / 1e9);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, Span<long> time);
}
