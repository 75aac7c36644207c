namespace MpibAgent.Simulator;

/// <summary>Looks among random scenarios with a quiet end (<see cref="Calm"/>) for those that leave a policy at a wrong split.</summary>
internal static class CalmSearch
{
    private const int WorstShown = 25;

    /// <summary>Percent of the optimum.</summary>
    private static readonly double[] _lows = [50, 80, 90, 95];

    /// <summary>Runs random scenarios and prints where each candidate ends.</summary>
    public static void Write(TextWriter output, IReadOnlyList<Candidate> candidates, Func<int, Scenario> make, int first, int count, double seconds, TimeSpan? period)
    {
        var percents = new double[candidates.Count][];
        for (var i = 0; i < candidates.Count; i++)
        {
            percents[i] = new double[count];
        }

        Parallel.For(0, count, n =>
        {
            var scenario = Calm.After(make(first + n), seconds);
            var optima = candidates.Select(candidate => candidate.Scale).Distinct()
                .ToDictionary(scale => scale, scale => Calm.Sent(scenario, Simulation.RunOptimum(scenario, 0, scale)));
            for (var i = 0; i < candidates.Count; i++)
            {
                var best = optima[candidates[i].Scale];
                var run = Simulation.Run(scenario, 0, candidates[i].Scale, Contenders.Find(candidates[i].Policy), period);
                percents[i][n] = best > 0 ? 100 * Calm.Sent(scenario, run) / best : 100;
            }
        });

        output.WriteLine(FormattableString.Invariant(
            $"{count} random scenarios from {first} on with {seconds} quiet seconds behind them, the last {Calm.Measured} s of each, of the optimum"));
        for (var i = 0; i < candidates.Count; i++)
        {
            var mine = percents[i];
            output.WriteLine();
            output.WriteLine(FormattableString.Invariant(
                $"{candidates[i].Policy} {candidates[i].Scale.Name()}: mean {mine.Average():F2} %, lowest {mine.Min():F2} %"));
            foreach (var low in _lows)
            {
                output.WriteLine(FormattableString.Invariant($"  below {low} % in {mine.Count(percent => percent < low)}"));
            }

            foreach (var (percent, n) in mine.Select((percent, n) => (percent, n)).Where(pair => pair.percent < _lows[^1]).Order().Take(WorstShown))
            {
                output.WriteLine(FormattableString.Invariant($"  seed {first + n}: {percent:F1}: {ScenarioText.Of(make(first + n))}"));
            }
        }
    }
}
