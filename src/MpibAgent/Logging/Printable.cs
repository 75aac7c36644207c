using System.Globalization;
using System.Text;

namespace MpibAgent.Logging;

/// <summary>Bytes that came from strangers, made safe and short for a log line. Pure.</summary>
internal static class Printable
{
    /// <summary>
    /// Printable ASCII stays, a backslash is doubled, every other byte is \xNN, so the bytes can be read back. Beyond
    /// <paramref name="limit"/> bytes the text is cut, and ends with "... (N bytes)" where N counts them all.
    /// </summary>
    public static string Escape(ReadOnlySpan<byte> bytes, int limit = 80)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        var shown = bytes[..Math.Min(bytes.Length, limit)];
        var text = new StringBuilder(shown.Length + 16);
        foreach (var b in shown)
        {
            if (b is >= (byte)' ' and <= (byte)'~')
            {
                text.Append((char)b, b == '\\' ? 2 : 1);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
            }
        }

        if (shown.Length < bytes.Length)
        {
            text.Append(CultureInfo.InvariantCulture, $"... ({bytes.Length} bytes)");
        }

        return text.ToString();
    }
}
