
namespace MpibAgent.Benchmarks;

/// <summary>Pieces of doc/benchmarks.md.</summary>
internal static class Report
{
    public static void Head(TextWriter report, int seconds, int rounds)
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1];
        report.WriteLine("# Benchmarks");
        report.WriteLine();
        report.WriteLine("Written by `dotnet run -c Release --project tests/MpibAgent.Benchmarks`; do not edit. Agent and floor take turns on the same");
        report.WriteLine("machine; a figure is the median of the rounds, a ratio the median of the ratios within a round. On a shared machine trust the ratios.");
        report.WriteLine();
        report.WriteLine($"Machine: {processor ?? "unknown processor"}, {Environment.ProcessorCount} cores, Linux {Environment.OSVersion.Version}, .NET {Environment.Version}. "
            + $"{rounds} rounds of {seconds} s.");
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
