using System.Runtime.InteropServices;

namespace MpibAgent;

/// <summary>A timerfd(2): its <see cref="Descriptor"/> becomes ready once, when the time that was set last has passed. Owns the descriptor; on the loop's thread.</summary>
internal sealed partial class AlarmClock : IDisposable
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <exception cref="IOException">The system has no descriptor to give.</exception>
    public AlarmClock()
    {
        Descriptor = TimerFd(Monotonic, NonBlocking | CloseOnExec);
        if (Descriptor < 0)
        {
            throw new IOException($"timerfd_create: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Waited for by its edge, it needs no read; -1 once it is closed.</summary>
    public int Descriptor { get; private set; }

    /// <summary>Rings once, <paramref name="nanoseconds"/> from now and in no less than one, and not when it was to ring before.</summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public void Set(long nanoseconds)
    {
        var left = Math.Max(1, nanoseconds);
        var setting = new Setting { Seconds = (nint)(left / NanosecondsPerSecond), Nanoseconds = (nint)(left % NanosecondsPerSecond) };
        if (SetTime(Descriptor, 0, setting, 0) < 0)
        {
            throw new IOException($"timerfd_settime: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    public void Dispose()
    {
        if (Descriptor >= 0)
        {
            _ = Close(Descriptor);
            Descriptor = -1;
        }
    }

    private const int Monotonic = 1;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    [LibraryImport("libc", EntryPoint = "timerfd_create", SetLastError = true)]
    private static partial int TimerFd(int clock, int flags);

    [LibraryImport("libc", EntryPoint = "timerfd_settime", SetLastError = true)]
    private static partial int SetTime(int descriptor, int flags, in Setting setting, nint old);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    // struct itimerspec of the 64-bit platforms; an interval of 0 rings once.
    private struct Setting
    {
        public nint IntervalSeconds, IntervalNanoseconds;
        public nint Seconds, Nanoseconds;
    }
}
