namespace MpibAgent.Simulator;

/// <summary>What one run of a policy came to.</summary>
/// <param name="GoodputGbps">Gb/s that all flows delivered.</param>
/// <param name="OptimumGbps">What the best shares at every moment would have delivered.</param>
/// <param name="ExpressibleGbps">What the best shares that the encoding has would have delivered; null where that was not run.</param>
/// <param name="ConvergenceMilliseconds">For each event, how long until the split was good for good; null when it never was.</param>
/// <param name="ShareDeviation">For each steady window, the standard deviation of the share; null for a window without a sample.</param>
/// <param name="EvacuationMilliseconds">For each death of a rail, how long until it got no byte; null when it always got some.</param>
internal sealed record Metrics(
    double GoodputGbps,
    double OptimumGbps,
    double? ExpressibleGbps,
    double?[] ConvergenceMilliseconds,
    double?[] ShareDeviation,
    double?[] EvacuationMilliseconds)
{
    /// <summary>Of the possible goodput, what a good split lets through.</summary>
    private const double Good = 0.95;

    /// <summary>Log entries of the mean in which efficiency is taken: 60 ms.</summary>
    private const int MeanEntries = 30;

    /// <summary>For how many of them in a row it must be good: 150 ms.</summary>
    private const int GoodEntries = 75;

    public double PercentOfOptimum => 100 * GoodputGbps / OptimumGbps;

    public double? PercentOfExpressible => 100 * GoodputGbps / ExpressibleGbps;

    /// <summary>Measures a run.</summary>
    /// <param name="scenario">What was run.</param>
    /// <param name="run">The run.</param>
    /// <param name="optimum">Gb/s that the best shares deliver.</param>
    /// <param name="expressible">Gb/s that the best shares of the encoding deliver, if known.</param>
    public static Metrics Of(Scenario scenario, Simulation run, double optimum, double? expressible) => new(
        run.GoodputGbps,
        optimum,
        expressible,
        [.. scenario.Events.Select(window => Convergence(run.Log, window))],
        [.. scenario.Steady.Select(window => Deviation(run.Log, window))],
        [.. scenario.Deaths.Select(death => Evacuation(run.Log, death))]);

    private static double? Convergence(RunLog log, TimeWindow window)
    {
        var times = new List<double>();
        var sums = new List<double> { 0 };
        foreach (var entry in log.Entries)
        {
            if (entry.Time >= window.From && entry.Time < window.To && entry.Efficiency is { } efficiency)
            {
                times.Add(entry.Time);
                sums.Add(sums[^1] + efficiency);
            }
        }

        var good = 0;
        for (var i = 0; i < times.Count - MeanEntries; i++)
        {
            good = (sums[i + MeanEntries] - sums[i]) / MeanEntries >= Good ? good + 1 : 0;
            if (good == GoodEntries)
            {
                return Math.Round((times[i - GoodEntries + 1] - window.From) * 1000);
            }
        }

        return null;
    }

    private static double? Deviation(RunLog log, TimeWindow window)
    {
        var (count, sum) = (0, 0.0);
        foreach (var entry in log.Entries)
        {
            if (entry.Time >= window.From && entry.Time < window.To)
            {
                count++;
                sum += entry.Share;
            }
        }

        if (count == 0)
        {
            return null;
        }

        var mean = sum / count;
        var squares = 0.0;
        foreach (var entry in log.Entries)
        {
            if (entry.Time >= window.From && entry.Time < window.To)
            {
                squares += (entry.Share - mean) * (entry.Share - mean);
            }
        }

        return Math.Sqrt(squares / count);
    }

    private static double? Evacuation(RunLog log, RailMoment death)
    {
        var spared = death.Rail == TwoRails.Sup ? 0.0 : 1.0;
        foreach (var entry in log.Entries)
        {
            if (entry.Time >= death.Time && entry.Share == spared)
            {
                return Math.Round((entry.Time - death.Time) * 1000, 1);
            }
        }

        return null;
    }
}
