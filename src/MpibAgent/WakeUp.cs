using System.Runtime.InteropServices;

namespace MpibAgent;

/// <summary>An eventfd(2) by which any thread wakes the one that sleeps on its <see cref="Descriptor"/>. A signal that comes before the sleep ends that, too.</summary>
internal sealed partial class WakeUp : IDisposable
{
    private WakeUp(int descriptor) => Descriptor = descriptor;

    /// <summary>Ready for reading while there is a signal that <see cref="Take"/> has not taken; -1 once it is closed.</summary>
    public int Descriptor { get; private set; }

    /// <summary>Makes one; null, and errno, when the system has no descriptor to give.</summary>
    public static WakeUp? TryMake()
    {
        var descriptor = EventFd(0, NonBlocking | CloseOnExec);
        return descriptor < 0 ? null : new WakeUp(descriptor);
    }

    /// <summary>Wakes the sleeper.</summary>
    public void Signal()
    {
        Span<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        _ = Write(Descriptor, one, one.Length);
    }

    /// <summary>Takes all signals.</summary>
    public void Take()
    {
        Span<byte> count = stackalloc byte[8];
        _ = Read(Descriptor, count, count.Length);
    }

    public void Dispose()
    {
        if (Descriptor >= 0)
        {
            _ = Close(Descriptor);
            Descriptor = -1;
        }
    }

    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, Span<byte> buffer, nint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> buffer, nint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
