using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MpibAgent.Interface;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

/// <summary>A small sender of congestion reports: what a switch or a host does, on loopback.</summary>
internal sealed class CongestionSender(Ipv4Endpoint agent, byte[]? key = null, string from = "127.0.0.1") : IDisposable
{
    private readonly Socket _socket = Connect(agent, from);
    private readonly byte[] _datagram = new byte[CongestionReport.DatagramSize];

    public uint Name { get; set; } = 0x0100007F;

    public ulong Sequence { get; set; }

    /// <summary>The bytes of a report, with its MAC when there is a key.</summary>
    public static byte[] Bytes(CongestionReport report, byte[]? key)
    {
        var bytes = new byte[CongestionReport.DatagramSize];
        Write(report, key, bytes);
        return bytes;
    }

    /// <summary>Sends a report with the next sequence.</summary>
    public void Send(string source, string destination, byte rail, byte level)
    {
        Write(Report(source, destination, rail, level), key, _datagram);
        SendBytes(_datagram);
    }

    public CongestionReport Report(string source, string destination, byte rail, byte level) => new()
    {
        Rail = rail,
        Level = level,
        Source = Ipv4Address.Parse(source),
        Destination = Ipv4Address.Parse(destination),
        Sender = Name,
        Sequence = ++Sequence,
    };

    public void SendBytes(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    public void Dispose() => _socket.Dispose();

    private static void Write(CongestionReport report, byte[]? key, Span<byte> bytes)
    {
        MemoryMarshal.Write(bytes, in report);
        if (key is not null)
        {
            HMACSHA256.HashData(key, bytes[..CongestionReport.SignedSize])
                .AsSpan(0, CongestionReport.MacSize).CopyTo(bytes[CongestionReport.SignedSize..]);
        }
    }

    private static Socket Connect(Ipv4Endpoint agent, string from)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        socket.Connect(IPAddress.Parse(agent.Address.ToString()), agent.Port);
        return socket;
    }
}
