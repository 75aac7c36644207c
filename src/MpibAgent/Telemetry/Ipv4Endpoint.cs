using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MpibAgent.Interface;

namespace MpibAgent.Telemetry;

/// <summary>An IPv4 address and a UDP port.</summary>
internal readonly record struct Ipv4Endpoint(Ipv4Address Address, ushort Port)
{
    /// <summary>Whether only this host has the address.</summary>
    public bool IsLoopback => (byte)Address.Raw == 127;

    /// <summary>Reads IP:PORT, the address as four decimal numbers.</summary>
    public static bool TryParse(string text, out Ipv4Endpoint endpoint)
    {
        endpoint = default;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || !TryParseAddress(text[..colon], out var address)
            || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            return false;
        }

        endpoint = new Ipv4Endpoint(address, port);
        return true;
    }

    /// <summary>Reads an address. Only the usual form: 10.1 and 0x0a000001 are addresses to the library, and slips of an operator.</summary>
    public static bool TryParseAddress([NotNullWhen(true)] string? text, out Ipv4Address address)
    {
        address = default;
        if (!IPAddress.TryParse(text, out var parsed) || parsed.AddressFamily != AddressFamily.InterNetwork || parsed.ToString() != text)
        {
            return false;
        }

        address = new Ipv4Address(BinaryPrimitives.ReadUInt32LittleEndian(parsed.GetAddressBytes()));
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}");
}
