using System.Globalization;

namespace MpibAgent.Tests.Metrics;

/// <summary>A text in Prometheus' format.</summary>
internal sealed class Metric(string text)
{
    public IReadOnlyList<string> Series { get; } = [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#')];

    /// <summary>Names with their type, in their order.</summary>
    public IReadOnlyList<(string Name, string Type)> Types { get; } =
        [.. text.Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')).Select(words => (words[2], words[3]))];

    public static Metric Read(string path) => new(File.ReadAllText(path));

    /// <summary>The value of one series; NaN where there is none.</summary>
    public double Value(string name, string labels = "")
    {
        var head = (labels.Length > 0 ? $"{name}{{{labels}}}" : name) + " ";
        return Series.SingleOrDefault(line => line.StartsWith(head, StringComparison.Ordinal)) is { } found
            ? double.Parse(found.AsSpan(head.Length), CultureInfo.InvariantCulture) : double.NaN;
    }
}
