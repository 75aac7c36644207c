using System.Globalization;
using MpibAgent.Simulator;

namespace MpibAgent.Tests.Policy;

public sealed class SimulatorTests
{
    private const int Seeds = 3;

    /// <summary>
    /// The model that this simulator follows rule for rule agrees to all digits in 295 of the 297 runs. In the other two, of the hill climb, it does so
    /// once its samples are rounded as the agent's are, to whole bytes and 100 ns: the climb turns at a comparison that is all but a tie, and takes
    /// another way from there. Means over the seeds: 1.0 % in 19_big_linkdown, 0.2 % in 26_telemetry_bp.
    /// </summary>
    [Fact]
    public void Goodput_agrees_with_the_reference_model()
    {
        var reference = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Policy", "reference-goodput.csv")).Skip(1)
            .Select(line => line.Split(','))
            .ToDictionary(
                part => (Scenario: part[0], Policy: part[1]),
                part => (GoodputGbps: Number(part[2]), Percent: Number(part[3])));
        Candidate[] candidates = [.. from policy in (string[])["fixed", "linkratio", "hill"] select new Candidate(policy, ShareScale.Ppm1024)];
        var results = new Replay(candidates).Run([.. ScenarioFile.ReadAll(ScenarioFile.Supplied)], Seeds);
        var summaries = results.GroupBy(result => (result.Scenario.Name, result.Candidate.Policy))
            .ToDictionary(group => group.Key, group => new ReplaySummary(group));

        Assert.Equal(reference.Keys.Order(), summaries.Keys.Order());
        Assert.All(reference, expected =>
        {
            var summary = summaries[expected.Key];
            Assert.InRange(summary.MeanGoodputGbps / expected.Value.GoodputGbps, 0.99, 1.01);
            Assert.InRange(summary.MeanPercent / expected.Value.Percent, 0.99, 1.01);
        });
    }
    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
