using System.Diagnostics;

namespace MpibAgent.Simulator;

/// <summary>Looks among random scenarios for those where a policy does worse than a simpler one.</summary>
internal static class HarmSearch
{
    private const int WorstShown = 25;

    /// <summary>Points of the optimum.</summary>
    private static readonly double[] _harms = [0.5, 1, 3];

    /// <summary>Runs random scenarios and prints where the others do worse than the first candidate in the same encoding.</summary>
    public static void Write(TextWriter output, IReadOnlyList<Candidate> candidates, Func<int, Scenario> make, int first, int count, TimeSpan? period)
    {
        var watch = Stopwatch.StartNew();
        var percents = new double[candidates.Count][];
        for (var i = 0; i < candidates.Count; i++)
        {
            percents[i] = new double[count];
        }

        var replay = new Replay(candidates, period);
        Parallel.For(0, count, n =>
        {
            var runs = replay.Run(make(first + n), seed: 0).Select(result => result.Metrics).ToList();

            // The best share of the moment is not always the best over time: where a candidate beat it, that one is the measure.
            var best = runs.Max(run => Math.Max(run.GoodputGbps, run.OptimumGbps));
            for (var i = 0; i < runs.Count; i++)
            {
                percents[i][n] = 100 * runs[i].GoodputGbps / best;
            }
        });

        output.WriteLine(FormattableString.Invariant($"{count} random scenarios from {first} on, {watch.Elapsed.TotalSeconds:F0} s"));
        for (var i = 0; i < candidates.Count; i++)
        {
            var name = $"{candidates[i].Policy,-10} {candidates[i].Scale.Name(),-10}";
            output.WriteLine(FormattableString.Invariant(
                $"{name} mean {percents[i].Average():F2} % of the optimum, lowest {percents[i].Min():F2} %"));
        }

        foreach (var scale in candidates.Select(candidate => candidate.Scale).Distinct())
        {
            var group = Enumerable.Range(0, candidates.Count).Where(i => candidates[i].Scale == scale).ToList();
            foreach (var other in group.Skip(1))
            {
                Compare(output, make, candidates[group[0]], percents[group[0]], candidates[other], percents[other], first);
            }
        }
    }

    private static void Compare(
        TextWriter output, Func<int, Scenario> make, Candidate simple, double[] simplePercents, Candidate other, double[] otherPercents, int first)
    {
        var losses = simplePercents.Zip(otherPercents, (a, b) => a - b).ToArray();
        output.WriteLine();
        output.WriteLine($"{other.Policy} against {simple.Policy}, {other.Scale.Name()}");
        output.WriteLine(FormattableString.Invariant(
            $"  in the mean {-losses.Average():+0.00;-0.00} points, better by more than 0.5 in {losses.Count(loss => loss < -0.5)}"));
        foreach (var harm in _harms)
        {
            var count = losses.Count(loss => loss > harm);
            output.WriteLine(FormattableString.Invariant(
                $"  worse by more than {harm:0.0} points in {count} ({100.0 * count / losses.Length:F1} %)"));
        }

        foreach (var (loss, n) in losses.Select((loss, n) => (loss, n)).Where(pair => pair.loss > _harms[0])
            .OrderByDescending(pair => pair.loss).Take(WorstShown))
        {
            var text = ScenarioText.Of(make(first + n));
            output.WriteLine(FormattableString.Invariant(
                $"  seed {first + n}: {otherPercents[n]:F1} instead of {simplePercents[n]:F1} ({-loss:0.0}): {text}"));
        }
    }
}
