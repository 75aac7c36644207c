using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MpibAgent;

/// <summary>What a descriptor is ready for, or waited for (epoll_ctl(2)).</summary>
[Flags]
internal enum Ready : uint
{
    None = 0,
    Read = 0x1,
    Write = 0x4,
    Error = 0x8,
    HangUp = 0x10,
    EdgeTriggered = 1u << 31,
}

/// <summary>The kernel's side of the <see cref="EventLoop"/>: an epoll(7) and the events of one turn. Owns the descriptor; on the loop's thread.</summary>
internal sealed partial class Epoll : IDisposable
{
    // Small, so that one turn is short whatever its events bring.
    private const int BatchSize = 16;

    // struct epoll_event is packed on x86-64 alone, so the 64 bits of data lie at 4 there and at 8 elsewhere.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = EventSize - 8;

    private readonly byte[] _events = GC.AllocateArray<byte>(BatchSize * EventSize, pinned: true);
    private int _epoll = Check(Create(CloseOnExec), "epoll_create1");

    /// <summary>Waits for events, or only looks for them, and returns how many there are: 0 when there is none yet, or a signal came.</summary>
    public int Wait(bool onlyLook)
    {
        var count = Wait(_epoll, _events, BatchSize, onlyLook ? 0 : -1);
        if (count < 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
            // After a SIGSTOP and SIGCONT as well, and then timers that came due meanwhile must not go before what was there for the loop to see.
            count = Wait(_epoll, _events, BatchSize, 0);
        }

        return count < 0 && Marshal.GetLastPInvokeError() == Interrupted ? 0 : Check(count, "epoll_wait");
    }

    /// <summary>An event of the last wait: for which descriptor, in which generation of it, and what it is ready for.</summary>
    public (int Descriptor, uint Generation, Ready Ready) EventAt(int index)
    {
        var bytes = _events.AsSpan(index * EventSize, EventSize);
        var data = BinaryPrimitives.ReadUInt64LittleEndian(bytes[DataOffset..]);
        return ((int)(uint)data, (uint)(data >> 32), (Ready)BinaryPrimitives.ReadUInt32LittleEndian(bytes));
    }

    /// <exception cref="IOException">The kernel has no room for it.</exception>
    public void Add(int descriptor, Ready interest, uint generation) => Control(1, descriptor, interest, generation);

    public void Delete(int descriptor) => Control(2, descriptor, Ready.None, 0);

    public void Change(int descriptor, Ready interest, uint generation) => Control(3, descriptor, interest, generation);

    public void Dispose()
    {
        if (_epoll >= 0)
        {
            _ = Close(_epoll);
            _epoll = -1;
        }
    }

    private void Control(int operation, int descriptor, Ready interest, uint generation)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)interest);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[DataOffset..], ((ulong)generation << 32) | (uint)descriptor);
        Check(Control(_epoll, operation, descriptor, bytes), "epoll_ctl");
    }

    private static int Check(int result, string call) => result >= 0
        ? result
        : throw new IOException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");

    private const int CloseOnExec = 0x80000;
    private const int Interrupted = 4;

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int epoll, int operation, int descriptor, Span<byte> ev);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int Wait(int epoll, [Out] byte[] events, int count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
