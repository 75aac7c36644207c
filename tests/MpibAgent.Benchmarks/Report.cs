namespace MpibAgent.Benchmarks;

/// <summary>One run of the benchmarks: how much is measured, and the report that grows with it.</summary>
/// <param name="Seconds">How long each load lasts.</param>
/// <param name="Rounds">How often agent and floor take turns.</param>
/// <param name="Idle">How long agents with nothing to do are looked at.</param>
/// <param name="Output">The directory of the report, of its data and of its pictures.</param>
internal sealed record Run(int Seconds, int Rounds, TimeSpan Idle, string Output)
{
    public StringWriter Report { get; } = new();
}

/// <summary>Pieces of doc/benchmarks.md.</summary>
internal static class Report
{
    public static void Head(Run run)
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1];
        run.Report.WriteLine("# Benchmarks");
        run.Report.WriteLine();
        run.Report.WriteLine("Written by `dotnet run -c Release --project tests/MpibAgent.Benchmarks`; do not edit. Agent and floor take turns on the same");
        run.Report.WriteLine("machine; a figure is the median of the rounds, a ratio the median of the ratios within a round. On a shared machine trust the ratios.");
        run.Report.WriteLine();
        run.Report.WriteLine($"Machine: {processor ?? "unknown processor"}, {Environment.ProcessorCount} cores, Linux {Environment.OSVersion.Version}, .NET {Environment.Version}. "
            + $"{run.Rounds} rounds of {run.Seconds} s.");
    }

    /// <summary>A heading, some lines of text, and the head of a table.</summary>
    public static void Section(Run run, string title, string[] text, params string[] columns)
    {
        run.Report.WriteLine();
        run.Report.WriteLine($"## {title}");
        run.Report.WriteLine();
        foreach (var line in text)
        {
            run.Report.WriteLine(line);
        }

        if (text.Length > 0)
        {
            run.Report.WriteLine();
        }

        Table(run, columns);
    }

    /// <summary>The head of a table.</summary>
    public static void Table(Run run, params string[] columns)
    {
        Row(run, columns);
        run.Report.WriteLine("|" + string.Concat(Enumerable.Repeat("---|", columns.Length)));
    }

    public static void Row(Run run, params object[] cells) => run.Report.WriteLine($"| {string.Join(" | ", cells)} |");

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
