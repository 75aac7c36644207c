using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent.Logging;

/// <summary>
/// Moves entries to journald's native socket and knows nothing of what they say. Owns a datagram socket; its <see cref="JournaldSink"/>
/// calls it, one thread at a time.
/// </summary>
/// <remarks>
/// Every datagram names its receiver: there is no connection to lose, and a journald that comes back is found by the next entry.
/// </remarks>
internal sealed unsafe partial class JournalSocket : IDisposable
{
    /// <summary>Where journald listens.</summary>
    public const string DefaultPath = "/run/systemd/journal/socket";

    private const int AfUnix = 1;
    private const int SockDgram = 2;
    private const int SockCloexec = 0x80000;
    private const int MaxPathBytes = 107;
    private const int SolSocket = 1;
    private const int SoSndTimeo = 21;
    private const int ScmRights = 1;
    private const int MsgNoSignal = 0x4000;
    private const int EIntr = 4;
    private const int EMsgSize = 90;
    private const int ENoBufs = 105;

    private readonly SafeFileHandle _socket;
    private readonly byte[] _address;

    /// <summary>
    /// A socket that sends to <paramref name="path"/> and waits no longer than <paramref name="timeout"/> for room there.
    /// </summary>
    /// <exception cref="ArgumentException">The path is too long for a socket.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is not positive.</exception>
    /// <exception cref="IOException">The system gives no socket.</exception>
    public JournalSocket(string path, TimeSpan timeout)
    {
        _address = Address(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.FromMicroseconds(1)); // 0 is for ever to the kernel.

        // Not the Socket class: that keeps a thread of its own, also to wait out a timeout. SO_SNDTIMEO leaves the wait to the kernel.
        _socket = NewSocket(AfUnix, SockDgram | SockCloexec, 0);
        var limit = new TimeValue
        {
            Seconds = (long)timeout.TotalSeconds,
            Microseconds = timeout.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond,
        };
        if (_socket.IsInvalid || SetSockOpt(_socket, SolSocket, SoSndTimeo, &limit, (uint)sizeof(TimeValue)) < 0)
        {
            throw new IOException($"a socket for {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Sends the entry. False if nobody listens, or nobody read in time.</summary>
    /// <exception cref="IOException">There is no memory for a large entry.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public bool TrySend(ReadOnlySpan<byte> entry)
    {
        fixed (byte* start = entry)
        {
            var vector = new IoVector { Start = start, Length = (nuint)entry.Length };
            var error = Send(new MessageHeader { Vectors = &vector, VectorCount = 1 });
            return error == 0 || (error is EMsgSize or ENoBufs && TrySendAsFile(entry));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>An entry too large for a datagram travels as a file: only its descriptor is sent.</summary>
    private bool TrySendAsFile(ReadOnlySpan<byte> entry)
    {
        using var file = SealedFile.Create(entry);
        var control = new DescriptorMessage
        {
            Length = DescriptorMessage.UsedBytes,
            Level = SolSocket,
            Type = ScmRights,
            Descriptor = (int)file.DangerousGetHandle(),
        };
        return Send(new MessageHeader { Control = &control, ControlLength = (nuint)sizeof(DescriptorMessage) }) == 0;
    }

    /// <summary>Sends a message to journald. 0, or the error.</summary>
    private int Send(MessageHeader message)
    {
        fixed (byte* address = _address)
        {
            message.Name = address;
            message.NameLength = (uint)_address.Length;
            while (SendMsg(_socket, &message, MsgNoSignal) < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error != EIntr)
                {
                    return error;
                }
            }
        }

        return 0;
    }

    /// <summary>struct sockaddr_un: the family in 16 bits, the path, a zero.</summary>
    private static byte[] Address(string path)
    {
        var length = Encoding.UTF8.GetByteCount(path);
        if (length is 0 or > MaxPathBytes)
        {
            throw new ArgumentException($"{path}: expected a path of 1 to {MaxPathBytes} bytes for a socket, got {length}", nameof(path));
        }

        var address = new byte[sizeof(ushort) + length + 1];
        MemoryMarshal.Write(address, (ushort)AfUnix);
        Encoding.UTF8.GetBytes(path, address.AsSpan(sizeof(ushort)));
        return address;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial SafeFileHandle NewSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSockOpt(SafeHandle socket, int level, int option, TimeValue* value, uint length);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMsg(SafeHandle socket, MessageHeader* message, int flags);

    /// <summary>struct timeval.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct TimeValue
    {
        [FieldOffset(0)] public long Seconds;
        [FieldOffset(8)] public long Microseconds;
    }

    /// <summary>struct msghdr, the same 56 bytes on every 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 56)]
    private struct MessageHeader
    {
        [FieldOffset(0)] public byte* Name;
        [FieldOffset(8)] public uint NameLength;
        [FieldOffset(16)] public IoVector* Vectors;
        [FieldOffset(24)] public nuint VectorCount;
        [FieldOffset(32)] public DescriptorMessage* Control;
        [FieldOffset(40)] public nuint ControlLength;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct IoVector
    {
        [FieldOffset(0)] public byte* Start;
        [FieldOffset(8)] public nuint Length;
    }

    /// <summary>struct cmsghdr with one descriptor, padded to eight bytes as CMSG_SPACE says.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 24)]
    private struct DescriptorMessage
    {
        /// <summary>CMSG_LEN(sizeof(int)).</summary>
        public const int UsedBytes = 20;

        [FieldOffset(0)] public nuint Length;
        [FieldOffset(8)] public int Level;
        [FieldOffset(12)] public int Type;
        [FieldOffset(16)] public int Descriptor;
    }
}
