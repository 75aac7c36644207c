using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MpibAgent.Interface;

namespace MpibAgent.Telemetry;

/// <summary>A UDP socket that never waits and allocates nothing per datagram. On the loop's thread.</summary>
internal sealed partial class UdpSocket : IDisposable
{
    // Room for some hundred reports; a flood is dropped by the kernel, which is cheaper than by us.
    private const int ReceiveBuffer = 256 * 1024;

    private UdpSocket(int descriptor) => Descriptor = descriptor;

    /// <summary>The descriptor; -1 once it is closed.</summary>
    public int Descriptor { get; private set; }

    /// <summary>Datagrams that the kernel dropped because its buffer was full.</summary>
    public uint Dropped
    {
        get
        {
            Span<uint> information = stackalloc uint[9];
            var length = information.Length * sizeof(uint);
            return GetSocketOption(Descriptor, SocketLevel, MemoryInformation, MemoryMarshal.AsBytes(information), ref length) == 0 ? information[8] : 0;
        }
    }

    /// <summary>Its own address and port, once it is bound or connected.</summary>
    public Ipv4Endpoint LocalEndpoint
    {
        get
        {
            Span<byte> address = stackalloc byte[AddressSize];
            address.Clear();
            var length = address.Length;
            _ = GetSocketName(Descriptor, address, ref length);
            return ReadAddress(address);
        }
    }

    /// <summary>Makes a socket that receives at an address, which may come later: at boot a rail may get its own after the agent has started.</summary>
    /// <exception cref="Fault">It cannot be had.</exception>
    public static UdpSocket Bind(Ipv4Endpoint endpoint)
    {
        var socket = Make() ?? throw new Fault($"cannot make a UDP socket: {Marshal.GetLastPInvokeErrorMessage()}. "
            + "Under systemd the sandbox has none until it is told otherwise: see \"Telemetry\" in doc/operations.md");
        Span<byte> address = stackalloc byte[AddressSize];
        WriteAddress(address, endpoint);
        _ = SetSocketOption(socket.Descriptor, InternetLevel, FreeBind, 1, sizeof(int));
        _ = SetSocketOption(socket.Descriptor, SocketLevel, ReceiveBufferSize, ReceiveBuffer / 2, sizeof(int));
        if (BindSocket(socket.Descriptor, address, AddressSize) != 0)
        {
            var why = Marshal.GetLastPInvokeErrorMessage();
            socket.Dispose();
            throw new Fault($"cannot listen for congestion reports at {endpoint}: {why}; run: ss -ulpn, or set another [Telemetry] Listen");
        }

        return socket;
    }

    /// <summary>Makes a socket that sends to an address; null and errno when there is no way to it now.</summary>
    public static UdpSocket? TryConnect(Ipv4Endpoint endpoint)
    {
        var socket = Make();
        Span<byte> address = stackalloc byte[AddressSize];
        WriteAddress(address, endpoint);
        if (socket is null || ConnectSocket(socket.Descriptor, address, AddressSize) == 0)
        {
            return socket;
        }

        var error = Marshal.GetLastPInvokeError();
        socket.Dispose();
        Marshal.SetLastPInvokeError(error);
        return null;
    }

    /// <summary>Takes a datagram, cut to the buffer's length; -1 when there is none.</summary>
    public int Receive(Span<byte> buffer, out Ipv4Address sender)
    {
        Span<byte> address = stackalloc byte[AddressSize];
        address.Clear();
        var length = AddressSize;
        var count = ReceiveFrom(Descriptor, buffer, buffer.Length, 0, address, ref length);
        sender = ReadAddress(address).Address;
        return (int)count;
    }

    /// <summary>Sends a datagram where it is connected to; false and errno when it does not go out.</summary>
    public bool TrySend(ReadOnlySpan<byte> datagram) => Send(Descriptor, datagram, datagram.Length, NoSignal) == datagram.Length;

    public void Dispose()
    {
        if (Descriptor >= 0)
        {
            _ = Close(Descriptor);
            Descriptor = -1;
        }
    }

    private static UdpSocket? Make() =>
        CreateSocket(InternetFamily, DatagramType | NonBlocking | CloseOnExec, 0) is >= 0 and var descriptor ? new UdpSocket(descriptor) : null;

    // struct sockaddr_in: the family, the port and the address in network order, eight bytes of zero.
    private static void WriteAddress(Span<byte> address, Ipv4Endpoint endpoint)
    {
        address.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(address, InternetFamily);
        BinaryPrimitives.WriteUInt16BigEndian(address[2..], endpoint.Port);
        BinaryPrimitives.WriteUInt32LittleEndian(address[4..], endpoint.Address.Raw);
    }

    private static Ipv4Endpoint ReadAddress(ReadOnlySpan<byte> address) =>
        new(new Ipv4Address(BinaryPrimitives.ReadUInt32LittleEndian(address[4..])), BinaryPrimitives.ReadUInt16BigEndian(address[2..]));

    private const int AddressSize = 16;
    private const int InternetFamily = 2;
    private const int DatagramType = 2;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int NoSignal = 0x4000;
    private const int InternetLevel = 0;
    private const int FreeBind = 15;
    private const int SocketLevel = 1;
    private const int ReceiveBufferSize = 8;
    private const int MemoryInformation = 55;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int BindSocket(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int ConnectSocket(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int GetSocketName(int descriptor, Span<byte> address, ref int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSocketOption(int descriptor, int level, int option, in int value, int length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(int descriptor, int level, int option, Span<byte> value, ref int length);

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    private static partial nint ReceiveFrom(int descriptor, Span<byte> buffer, nint length, int flags, Span<byte> address, ref int addressLength);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int descriptor, ReadOnlySpan<byte> buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
