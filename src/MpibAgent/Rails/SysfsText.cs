using System.Buffers.Text;
using System.Globalization;

namespace MpibAgent.Rails;

/// <summary>The texts of sysfs, read as what they mean. Pure; null for anything unexpected.</summary>
internal static class SysfsText
{
    /// <summary>What is faster is no link's rate.</summary>
    public const int FastestGigabits = 100_000;

    private const double BytesPerGigabit = 1e9 / 8;

    /// <summary>A counter: "1234".</summary>
    public static ulong? Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out ulong number, out var length) && length == text.Length && text[0] is >= (byte)'0' and <= (byte)'9'
            ? number : null;

    /// <summary>Whether a port's state is active: "4: ACTIVE".</summary>
    public static bool? IsActive(ReadOnlySpan<byte> text) =>
        text.IndexOf((byte)':') is var colon and > 0 && Number(text[..colon]) is { } state ? state == 4 : null;

    /// <summary>The rate of a port in bytes per second: "400 Gb/sec (4X NDR)".</summary>
    public static double? PortRate(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out double gigabits, out var length) && text[length..].StartsWith(" Gb/sec"u8) ? Rate(gigabits) : null;

    /// <summary>The rate of an interface in bytes per second: Mb/s, and -1 where it is not known.</summary>
    public static double? InterfaceRate(ReadOnlySpan<byte> text) => Number(text) is { } megabits ? Rate(megabits / 1000.0) : null;

    /// <summary>Gb/s in bytes per second; null for what no link has.</summary>
    public static double? Rate(double gigabits) => gigabits is > 0 and <= FastestGigabits ? gigabits * BytesPerGigabit : null;

    /// <summary>The inverse of <see cref="Rate"/>, for people.</summary>
    public static string Describe(double bytesPerSecond) => bytesPerSecond > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{bytesPerSecond / BytesPerGigabit:0.###} Gb/s") : "rate unknown";
}
