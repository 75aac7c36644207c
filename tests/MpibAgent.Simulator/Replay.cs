namespace MpibAgent.Simulator;

/// <summary>A policy as it was asked for: its name, and the encoding that its shares are written in.</summary>
internal sealed record Candidate(string Policy, ShareScale Scale);

/// <summary>One run: what of, and what came of it. Only a run of seed 0 keeps its log: hundreds of them would fill the memory.</summary>
internal sealed record RunResult(Scenario Scenario, int Seed, Candidate Candidate, Metrics Metrics, RunLog? Log);

/// <summary>Runs every candidate in a scenario, with the optimum to measure them by. Runs share nothing, so that they go in parallel.</summary>
/// <param name="candidates">Whom to try.</param>
/// <param name="period">Instead of the scenarios' sampling periods.</param>
internal sealed class Replay(IReadOnlyList<Candidate> candidates, TimeSpan? period = null)
{
    /// <summary>Runs scenarios with the seeds 0 up to <paramref name="seeds"/>.</summary>
    /// <returns>In the order of scenarios, candidates, seeds.</returns>
    public IReadOnlyList<RunResult> Run(IReadOnlyList<Scenario> scenarios, int seeds)
    {
        var results = new RunResult[scenarios.Count * candidates.Count * seeds];
        Parallel.For(0, scenarios.Count * seeds, job =>
        {
            var (scenario, seed) = Math.DivRem(job, seeds);
            var place = (scenario * candidates.Count * seeds) + seed;
            foreach (var result in Run(scenarios[scenario], seed))
            {
                results[place] = result;
                place += seeds;
            }
        });
        return results;
    }

    /// <summary>Runs every candidate in one scenario with one seed.</summary>
    public IEnumerable<RunResult> Run(Scenario scenario, int seed)
    {
        var optimum = Optimum(scenario, seed, ShareScale.Exact);

        // What a multiplier loses is not the policy's fault; where the optimum is a given figure, so would have to be this one.
        double? best = candidates.Any(candidate => candidate.Scale == ShareScale.Multiplier) && scenario.OptimumGbps is null
            ? Optimum(scenario, seed, ShareScale.Multiplier)
            : null;
        foreach (var candidate in candidates)
        {
            var run = Try(scenario, seed, candidate);
            var metrics = Metrics.Of(scenario, run, optimum, candidate.Scale == ShareScale.Multiplier ? best : null);
            yield return new RunResult(scenario, seed, candidate, metrics, seed == 0 ? run.Log : null);
        }
    }

    /// <summary>Gb/s that the best shares deliver.</summary>
    private static double Optimum(Scenario scenario, int seed, ShareScale scale)
        => scenario.OptimumGbps ?? Simulation.RunOptimum(scenario, seed, scale).GoodputGbps;

    private Simulation Try(Scenario scenario, int seed, Candidate candidate)
    {
        var maker = Contenders.Find(candidate.Policy);
        try
        {
            return Simulation.Run(scenario, seed, candidate.Scale, maker, period);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{candidate.Policy} in {scenario.Name}, seed {seed}, {candidate.Scale.Name()}: {e.Message}", e);
        }
    }
}
