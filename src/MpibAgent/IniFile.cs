namespace MpibAgent;

/// <summary>
/// The settings file: [Section] lines, Key = value lines, comments of ; or #, blanks. Our own reader, since Microsoft.Extensions.Configuration.Ini ends at the first bad
/// line and knows no line numbers, and an operator gets all faults at once. Pure; the text may be anything.
/// </summary>
internal static class IniFile
{
    /// <summary>A key with its section and value, or a fault; of a faulty value the key is there as well.</summary>
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

            if (line.Any(character => char.IsControl(character) && character != '\t'))
            {
                // What an editor does not show. The runtime reads a number past a 0 byte at its end.
                yield return new Line(number, null, "", "expected text, found a control character");
            }
            else if (line[0] == '[' && line[^1] == ']')
            {
                section = line[1..^1].Trim();
            }
            else if (line[0] == '[' || equals <= 0)
            {
                yield return new Line(number, null, "", "expected [Section], Key = value or a comment");
            }
            else
            {
                var name = line[..equals].TrimEnd();
                var key = section.Length > 0 ? $"{section}:{name}" : name;
                var value = line[(equals + 1)..].TrimStart();
                yield return !seen.Add(key) ? new Line(number, null, "", $"{(section.Length > 0 ? $"[{section}] " : "")}{name} is given twice")
                    : HasComment(value) ? new Line(number, key, "", $"a comment takes a line of its own, got '{value}'")
                    : new Line(number, key, value, null);
            }
        }
    }

    /// <summary>What other programs take for a comment, and a path would take into its name.</summary>
    private static bool HasComment(string value) =>
        Enumerable.Range(0, value.Length).Any(i => value[i] is '#' or ';' && (i == 0 || char.IsWhiteSpace(value[i - 1])));
}
