using System.Globalization;

namespace MpibAgent.Simulator;

/// <summary>A candidate's runs in one scenario taken together, and whether they come up to what is expected.</summary>
internal sealed class ReplaySummary
{
    private readonly RunResult[] _runs;

    public ReplaySummary(IEnumerable<RunResult> runs)
    {
        _runs = [.. runs];
        Convergence = Columns(metrics => metrics.ConvergenceMilliseconds, double.PositiveInfinity);
        Deviation = Columns(metrics => metrics.ShareDeviation, double.NaN);
        Evacuation = Columns(metrics => metrics.EvacuationMilliseconds, double.PositiveInfinity);
        Misses = [.. FindMisses()];
    }

    public Scenario Scenario => _runs[0].Scenario;

    public Candidate Candidate => _runs[0].Candidate;

    public double MeanGoodputGbps => _runs.Average(run => run.Metrics.GoodputGbps);

    public double MeanPercent => _runs.Average(run => run.Metrics.PercentOfOptimum);

    public double MinPercent => _runs.Min(run => run.Metrics.PercentOfOptimum);

    public double? MeanPercentOfExpressible => _runs.Average(run => run.Metrics.PercentOfExpressible);

    /// <summary>For each event, over the seeds; infinite where it never was good.</summary>
    public double[][] Convergence { get; }

    /// <summary>For each steady window, over the seeds.</summary>
    public double[][] Deviation { get; }

    /// <summary>For each death, over the seeds; infinite where the rail always got bytes.</summary>
    public double[][] Evacuation { get; }

    /// <summary>What was expected and not reached, in words; expectations are for ppm1024.</summary>
    public IReadOnlyList<string> Misses { get; }

    /// <summary>Whether there is anything to come up to.</summary>
    public bool IsJudged => Scenario.Expect is not null && Candidate.Scale == ShareScale.Ppm1024;

    public static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private IEnumerable<string> FindMisses()
    {
        if (!IsJudged)
        {
            yield break;
        }

        var expect = Scenario.Expect!;

        // What could not be measured, NaN, is neither more nor less.
        if (expect.MinGoodputPercent is { } least && !(MeanPercent >= least))
        {
            yield return FormattableString.Invariant($"goodput {MeanPercent:F1} < {least:F1}");
        }

        foreach (var miss in Beyond("conv", expect.MaxConvergenceMilliseconds, [.. Convergence.Select(Median)])
            .Concat(Beyond("std", expect.MaxShareDeviation, [.. Deviation.Select(values => values.Average())]))
            .Concat(Beyond("evac", expect.MaxEvacuationMilliseconds, [.. Evacuation.Select(values => values.Max())])))
        {
            yield return miss;
        }
    }

    private static IEnumerable<string> Beyond(string what, double?[] limits, double[] reached)
    {
        for (var i = 0; i < Math.Min(limits.Length, reached.Length); i++)
        {
            if (limits[i] is { } limit && !(reached[i] <= limit))
            {
                var text = double.IsInfinity(reached[i]) ? "never" : reached[i].ToString("0.####", CultureInfo.InvariantCulture);
                yield return FormattableString.Invariant($"{what} {text} > {limit:0.####}");
            }
        }
    }

    private double[][] Columns(Func<Metrics, double?[]> select, double otherwise)
        => [.. Enumerable.Range(0, select(_runs[0].Metrics).Length)
            .Select(i => _runs.Select(run => select(run.Metrics)[i] ?? otherwise).ToArray())];
}
