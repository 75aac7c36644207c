using System.Globalization;

namespace MpibAgent.Rails;

/// <summary>
/// The name that a setting gives a rail: mlx5_3, mlx5_3:2 or eth1. Pure; it becomes part of a path, so what could lead elsewhere is refused.
/// </summary>
internal readonly record struct RailName(string Device, int? Port)
{
    private const int Longest = 64;
    private const int HighestPort = 255;

    /// <summary>The port that is meant, of an RDMA device.</summary>
    public int PortNumber => Port ?? 1;

    /// <summary>What is wrong with a text; null when nothing is. Empty is a rail that is not configured.</summary>
    public static string? Fault(string text) => text.Length == 0 || Parse(text) is not null
        ? null : "expected one device such as mlx5_3, mlx5_3:2 or eth1, without a list or the prefixes = and ^";

    /// <summary>Null for a text that is no name.</summary>
    public static RailName? Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var device = colon < 0 ? text : text[..colon];
        if (text.Length > Longest || device is "" or "." or ".."
            || device.Any(c => c is <= ' ' or > '~' or '/' or '\\' or ',' or '=' or '^'))
        {
            return null;
        }

        if (colon < 0)
        {
            return new RailName(device, null);
        }

        return int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= HighestPort
            ? new RailName(device, port) : null;
    }

    public override string ToString() => Port is null ? Device : string.Create(CultureInfo.InvariantCulture, $"{Device}:{Port}");
}
