namespace MpibAgent;

/// <summary>
/// The settings file: [Section] lines, Key = value lines, comments of ; or #, blanks. Our own reader, since Microsoft.Extensions.Configuration.Ini ends at the first bad
/// line and knows no line numbers, and an operator gets all faults at once. Pure; the text may be anything.
/// </summary>
internal static class IniFile
{
    /// <summary>A key with its section, or a fault: exactly one of <paramref name="Key"/> and <paramref name="Fault"/> is there.</summary>
    public readonly record struct Line(int Number, string? Key, string Value, string? Fault);

    /// <summary>Every line that says something, in order. A key given twice is a fault.</summary>
    public static IEnumerable<Line> Read(TextReader text)
    {
        var section = "";
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var number = 1; text.ReadLine() is { } raw; number++)
        {
            var line = raw.Trim();
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[0] == '[' && line[^1] == ']')
            {
                section = line[1..^1].Trim();
            }
            else if (line[0] == '[' || equals <= 0)
            {
                yield return new Line(number, null, "", "expected [Section], Key = value or a comment");
            }
            else
            {
                var key = (section.Length > 0 ? section + ":" : "") + line[..equals].TrimEnd();
                yield return seen.Add(key)
                    ? new Line(number, key, line[(equals + 1)..].TrimStart(), null)
                    : new Line(number, null, "", $"{key.Replace(':', ' ')} is given twice");
            }
        }
    }
}
