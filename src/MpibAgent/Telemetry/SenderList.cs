using System.Buffers.Binary;
using System.Globalization;
using MpibAgent.Interface;

namespace MpibAgent.Telemetry;

/// <summary>The addresses and networks whose reports are looked at. Immutable.</summary>
internal sealed class SenderList
{
    private readonly (uint Network, uint Mask)[] _networks;

    private SenderList((uint Network, uint Mask)[] networks) => _networks = networks;

    /// <summary>Whether none of them is another host.</summary>
    public bool IsLoopbackOnly => Array.TrueForAll(_networks, entry => entry.Network >> 24 == 127 && entry.Mask >> 24 == 0xFF);

    /// <summary>Reads "127.0.0.1, 10.0.0.0/24": at least one, with commas or blanks between.</summary>
    public static bool TryParse(string text, out SenderList list)
    {
        list = new SenderList([]);
        var parts = text.Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        var networks = new (uint Network, uint Mask)[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!TryParseNetwork(parts[i], out networks[i]))
            {
                return false;
            }
        }

        list = new SenderList(networks);
        return networks.Length > 0;
    }

    /// <summary>Whether a datagram from there may be looked at.</summary>
    public bool Contains(Ipv4Address address)
    {
        var bits = BinaryPrimitives.ReverseEndianness(address.Raw);
        foreach (var (network, mask) in _networks)
        {
            if ((bits & mask) == network)
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryParseNetwork(string text, out (uint Network, uint Mask) network)
    {
        network = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var length = 32u;
        if ((slash >= 0 && (!uint.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > 32))
            || !Ipv4Address.TryParse(slash < 0 ? text : text[..slash], out var address))
        {
            return false;
        }

        var mask = length == 0 ? 0 : uint.MaxValue << (32 - (int)length);
        network = (BinaryPrimitives.ReverseEndianness(address.Raw), mask);

        // 10.0.0.1/24 is a slip: is one host meant, or all?
        return (network.Network & ~mask) == 0;
    }
}
