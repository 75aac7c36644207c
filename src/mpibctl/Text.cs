using System.Globalization;
using System.Text;
using MpibAgent.Logging;

namespace MpibCtl;

/// <summary>How values are shown. Pure.</summary>
public static class Text
{
    private const string Steps = "▁▂▃▄▅▆▇█";
    private const string PlainSteps = ".:-=+*#@";
    private const string Parts = "▏▎▍▌▋▊▉█";

    /// <summary>A stranger's text without control characters: what is no printable ASCII is \xNN, so no text can steer the terminal.</summary>
    public static string Safe(string text, int limit = 200) => Printable.Escape(Encoding.UTF8.GetBytes(text), limit);

    /// <summary>Cut to so many columns, and marked where it is cut.</summary>
    public static string Cut(string text, int columns, bool unicode = true) =>
        text.Length <= columns ? text : columns <= 0 ? "" : text[..(columns - 1)] + (unicode ? '…' : '~');

    /// <summary>A time of so many seconds, short: 4s, 3m12s, 2h05m, 3d04h.</summary>
    public static string Duration(double seconds)
    {
        var whole = (long)Math.Max(0, seconds);
        return whole switch
        {
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{whole}s"),
            < 3600 => string.Create(CultureInfo.InvariantCulture, $"{whole / 60}m{whole % 60:00}s"),
            < 86400 => string.Create(CultureInfo.InvariantCulture, $"{whole / 3600}h{whole % 3600 / 60:00}m"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{whole / 86400}d{whole % 86400 / 3600:00}h"),
        };
    }

    /// <summary>A share, 0 to 1, in percent.</summary>
    public static string Percent(double share) => (share * 100).ToString("0.0", CultureInfo.InvariantCulture) + "%";

    /// <summary>Bytes per second: 21.3 GB/s.</summary>
    public static string Rate(double bytesPerSecond)
    {
        string[] units = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"];
        var unit = 0;
        while (bytesPerSecond >= 999.5 && unit < units.Length - 1)
        {
            bytesPerSecond /= 1000;
            unit++;
        }

        return bytesPerSecond.ToString(unit == 0 || bytesPerSecond >= 99.95 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    /// <summary>A link's rate as networks are called: 400 Gb/s.</summary>
    public static string LinkRate(double bytesPerSecond) =>
        bytesPerSecond > 0 ? (bytesPerSecond * 8 / 1e9).ToString("0.###", CultureInfo.InvariantCulture) + " Gb/s" : "rate unknown";

    /// <summary>A share, 0 to 1, as a bar of so many columns.</summary>
    public static string Bar(double share, int columns, bool unicode)
    {
        share = double.IsNaN(share) ? 0 : Math.Clamp(share, 0, 1);
        if (!unicode)
        {
            var full = (int)Math.Round(share * columns);
            return new string('#', full) + new string('.', columns - full);
        }

        var eighths = (int)Math.Round(share * columns * 8);
        var bar = new string('█', eighths / 8) + (eighths % 8 > 0 ? Parts[(eighths % 8) - 1] : "");
        return bar + new string('░', columns - bar.Length);
    }

    /// <summary>The last values as a line of so many columns at most, the highest step being <paramref name="top"/>; a gap for what is not known.</summary>
    public static string Spark(IReadOnlyList<double> values, double top, int columns, bool unicode)
    {
        var steps = unicode ? Steps : PlainSteps;
        var line = new StringBuilder();
        foreach (var value in values.Skip(Math.Max(0, values.Count - columns)))
        {
            line.Append(double.IsNaN(value) ? ' ' : steps[top > 0 ? Math.Clamp((int)(value / top * steps.Length), 0, steps.Length - 1) : 0]);
        }

        return line.ToString();
    }
}
