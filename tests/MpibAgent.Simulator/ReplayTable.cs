using System.Globalization;

namespace MpibAgent.Simulator;

/// <summary>Prints what runs came to: a line for each scenario and candidate, then each candidate's means.</summary>
internal static class ReplayTable
{
    private const string Head =
        "scenario               policy     encoding     mean %   min %  expr %  conv ms median   conv ms max      std of share     evac ms  expected";

    public static void Write(TextWriter output, IReadOnlyList<ReplaySummary> summaries)
    {
        output.WriteLine(Head);
        foreach (var summary in summaries)
        {
            WriteLine(
                output,
                summary.Scenario.Name,
                summary.Candidate,
                summary.MeanPercent,
                summary.MinPercent,
                summary.MeanPercentOfExpressible,
                Joined(summary.Convergence.Select(ReplaySummary.Median), "0"),
                Joined(summary.Convergence.Select(values => values.Max()), "0"),
                Joined(summary.Deviation.Select(values => values.Average()), "0.0000"),
                Joined(summary.Evacuation.Select(values => values.Max()), "0.#"),
                !summary.IsJudged ? "-" : summary.Misses.Count == 0 ? "yes" : "NO: " + string.Join(", ", summary.Misses));
        }

        output.WriteLine();
        foreach (var group in summaries.GroupBy(summary => summary.Candidate))
        {
            WriteLine(
                output,
                $"mean of {group.Count()}",
                group.Key,
                group.Average(summary => summary.MeanPercent),
                group.Min(summary => summary.MinPercent),
                group.Average(summary => summary.MeanPercentOfExpressible),
                "",
                "",
                "",
                "",
                $"{group.Count(summary => summary.IsJudged && summary.Misses.Count == 0)} of {group.Count(summary => summary.IsJudged)}");
        }
    }

    private static void WriteLine(
        TextWriter output,
        string name,
        Candidate candidate,
        double mean,
        double min,
        double? expressible,
        string median,
        string max,
        string deviation,
        string evacuation,
        string expected)
    {
        var percents = FormattableString.Invariant($"{mean,8:F2}{min,8:F2}{expressible,8:F2}");
        output.WriteLine(
            $"{name,-22} {candidate.Policy,-10} {candidate.Scale.Name(),-10} {percents}  {median,-16} {max,-16} {deviation,-16} {evacuation,-8} {expected}");
    }

    private static string Joined(IEnumerable<double> values, string format)
        => string.Join('/', values.Select(value => double.IsInfinity(value) ? "never" : value.ToString(format, CultureInfo.InvariantCulture)));
}
