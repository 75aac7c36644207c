using System.Globalization;
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
        if (colon < 0 || !Ipv4Address.TryParse(text[..colon], out var address)
            || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            return false;
        }

        endpoint = new Ipv4Endpoint(address, port);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}");
}
