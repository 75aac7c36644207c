using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace MpibAgent.Interface;

/// <summary>An IPv4 address as the interface carries it: four bytes in network byte order, stored as they come.</summary>
/// <param name="Raw">The four bytes read as a little-endian integer: 10.0.1.2 is 0x0201000A.</param>
public readonly record struct Ipv4Address(uint Raw)
{
    /// <summary>0.0.0.0: a free slot, or a GID that is not IPv4.</summary>
    public bool IsAny => Raw == 0;

    /// <summary>Reads a dotted quad.</summary>
    /// <exception cref="FormatException"><paramref name="text"/> is no IPv4 address.</exception>
    public static Ipv4Address Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"expected an IPv4 address such as 10.0.1.2, got '{text}'");

    /// <summary>Reads a dotted quad as it is written. 10.1, 0x0a000001 and 010.0.0.1, which is 8.0.0.1, are addresses to the library, and slips of an operator.</summary>
    public static bool TryParse(string text, out Ipv4Address address)
    {
        var isQuad = IPAddress.TryParse(text, out var parsed) && parsed.AddressFamily == AddressFamily.InterNetwork && parsed.ToString() == text;
        address = isQuad ? new Ipv4Address(BinaryPrimitives.ReadUInt32LittleEndian(parsed!.GetAddressBytes())) : default;
        return isQuad;
    }

    /// <summary>The dotted quad.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(byte)Raw}.{(byte)(Raw >> 8)}.{(byte)(Raw >> 16)}.{(byte)(Raw >> 24)}");
}
