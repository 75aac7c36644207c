using System.Globalization;
using MpibAgent.Policy;
using MpibAgent.Simulator;

namespace MpibAgent.Tests.Policy;

/// <summary>The adaptive policy in the simulator's scenarios, judged as policy-replay --check does. Each case runs by itself and says by what it fell short.</summary>
public sealed class AdaptiveReplayTests
{
    private const int Seeds = 5;

    /// <summary>Nothing that can be seen there tells that the rail is dead; it has a floor of its own, and no part in the mean.</summary>
    private const string Unseen = "17b_";

    /// <summary>
    /// Rails on which a sample holds a few messages and packets, those of tests/rails; rails that wait for long; bursts hardly longer than a sample; and counters
    /// that are refreshed every second, as some NICs do it; and rails of which one carries a hundredth of the other and less.
    /// </summary>
    private static readonly string[] MoreFiles =
        [.. new[] { "slow-rails", "waiting-rails", "short-bursts", "slow-counters", "far-rails" }.Select(directory => Path.Combine(ScenarioFile.Supplied, directory))];

    public static TheoryData<string> More => [.. MoreFiles.SelectMany(ScenarioFile.ReadAll).Select(scenario => scenario.Name)];

    public static TheoryData<string> Names => [.. ScenarioFile.ReadAll(ScenarioFile.Supplied).Select(scenario => scenario.Name)];

    public static TheoryData<string> Deaths =>
        [.. ScenarioFile.ReadAll(ScenarioFile.Supplied).Where(scenario => scenario.Deaths.Length > 0).Select(scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_a_scenario_expects_is_reached(string name)
    {
        var summary = Assert.Single(Replay(ShareScale.Ppm1024, scenario => scenario.Name == name));
        Assert.True(summary.IsJudged, $"{name} expects nothing");
        Assert.True(summary.Misses.Count == 0, $"{name}: {string.Join(", ", summary.Misses)}; {Figures(summary)}");
    }

    [Theory]
    [MemberData(nameof(More))]
    public void What_is_expected_of_rails_bursts_and_counters_of_other_kinds_is_reached(string name)
    {
        var summary = Assert.Single(Replay(ShareScale.Ppm1024, [.. MoreFiles.SelectMany(ScenarioFile.ReadAll).Where(scenario => scenario.Name == name)]));
        Assert.True(summary.IsJudged, $"{name} expects nothing");
        Assert.True(summary.Misses.Count == 0, $"{name}: {string.Join(", ", summary.Misses)}; {Figures(summary)}");
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public void A_link_that_goes_down_is_left_as_soon_where_nobody_tells_of_it(string name)
    {
        var scenario = ScenarioFile.ReadAll(ScenarioFile.Supplied).Single(scenario => scenario.Name == name);
        var summary = Assert.Single(Replay(ShareScale.Ppm1024, [scenario with { Sampling = scenario.Sampling with { AreLinksUntold = true } }]));
        Assert.True(summary.Misses.Count == 0, $"{name}: {string.Join(", ", summary.Misses)}; {Figures(summary)}");
    }

    /// <summary>97.15 is what the algorithm that the expectations come from reached.</summary>
    [Fact]
    public void The_mean_over_all_scenarios_is_that_of_the_reference()
    {
        var summaries = Replay(ShareScale.Ppm1024, scenario => !scenario.Name.StartsWith(Unseen, StringComparison.Ordinal));
        var mean = summaries.Average(summary => summary.MeanPercent);
        Assert.True(mean >= 97.15, FormattableString.Invariant($"mean {mean:F2} < 97.15:\n") + string.Join('\n', summaries.Select(Figures)));
    }

    [Theory]
    [InlineData("01_equal")]
    [InlineData("02_unequal_nic")]
    [InlineData("03_path_slow_sup")]
    [InlineData("32_sup_fast")]
    public void Under_multiplier_a_steady_network_gets_the_best_that_can_be_expressed(string name)
    {
        var summary = Assert.Single(Replay(ShareScale.Multiplier, scenario => scenario.Name == name));
        Assert.True(summary.MeanPercentOfExpressible >= 97, $"below 97 % of what can be expressed: {Figures(summary)}");
    }

    /// <summary>An end share is easily taken there, and no reading tells when it is wrong: only probes do.</summary>
    [Theory]
    [InlineData("brown-out", 96)]
    [InlineData("step", 93)]
    [InlineData("step-up", 92)]
    [InlineData("few_messages", 90)]
    [InlineData("one_message_bursts", 90)]
    [InlineData("slow_sout_16m", 88)]
    [InlineData("slow_sup_16m", 70)]
    [InlineData("slow_sup_256m", 85)]
    public void Under_multiplier_a_rail_that_is_back_is_found_where_messages_are_long(string name, double percent)
    {
        var summary = Assert.Single(Replay(ShareScale.Multiplier, [.. MoreFiles.SelectMany(ScenarioFile.ReadAll).Where(scenario => scenario.Name == name)]));
        Assert.True(summary.MeanPercentOfExpressible >= percent, $"below {percent} % of what can be expressed: {Figures(summary)}");
    }

    [Fact]
    public void Under_multiplier_four_flows_mix_their_hints_to_the_true_optimum()
    {
        var summary = Assert.Single(Replay(ShareScale.Multiplier, scenario => scenario.Name == "29_4flows"));
        Assert.True(summary.MeanPercent >= 98, $"below 98 %: {Figures(summary)}");
    }

    [Theory]
    [InlineData(1.2)]
    [InlineData(0.4)]
    public void A_rail_that_carries_next_to_nothing_is_left_though_all_that_moves_then_is_a_trickle(double leftGbps)
    {
        // 400 Gb/s before and after, 4 s of each; the rail takes messages all the time, so no timer runs out.
        var file = Path.Combine(ScenarioFile.Supplied, "05_step_sup.json");
        var scenario = ScenarioFile.Parse(File.ReadAllText(file).Replace("[4, 100]", FormattableString.Invariant($"[4, {leftGbps}]"), StringComparison.Ordinal), file);
        var run = Simulation.Run(scenario, 0, ShareScale.Ppm1024, host => new AdaptivePolicy(host.Encoding, host.Period, double.NaN, new Random(host.Seed)));
        var optimum = Simulation.RunOptimum(scenario, 0, ShareScale.Exact);
        Assert.InRange(run.GoodputGbps / optimum.GoodputGbps, 0.92, 1);
    }

    /// <summary>Readings that stand still between two refreshes are no silence after which SUP is not trusted.</summary>
    [Theory]
    [InlineData(CapacityPolicy.PolicyName)]
    [InlineData(AdaptivePolicy.PolicyName)]
    public void After_a_pause_both_rails_are_used_again_where_counters_are_refreshed_every_second(string policy)
    {
        var scenario = ScenarioFile.ReadAll(Path.Combine(ScenarioFile.Supplied, "slow-counters")).Single(scenario => scenario.Name == "pause_1s");
        var result = Assert.Single(new Replay([new Candidate(policy, ShareScale.Ppm1024)]).Run([scenario], 1));
        Assert.InRange(result.Metrics.GoodputGbps / Simulation.RunOptimum(scenario, 0, ShareScale.Exact).GoodputGbps, 0.95, 1.001);
    }

    private static IReadOnlyList<ReplaySummary> Replay(ShareScale scale, Func<Scenario, bool> which) =>
        Replay(scale, [.. ScenarioFile.ReadAll(ScenarioFile.Supplied).Where(which)]);

    private static IReadOnlyList<ReplaySummary> Replay(ShareScale scale, List<Scenario> scenarios) =>
        [.. new Replay([new Candidate(AdaptivePolicy.PolicyName, scale)]).Run(scenarios, Seeds)
            .GroupBy(result => result.Scenario)
            .Select(group => new ReplaySummary(group))];

    private static string Figures(ReplaySummary summary) => FormattableString.Invariant(
        $"{summary.Scenario.Name} {summary.Candidate.Scale.Name()}: mean {summary.MeanPercent:F2} %, least {summary.MinPercent:F2} %")
        + FormattableString.Invariant($", of the expressible {summary.MeanPercentOfExpressible ?? double.NaN:F2} %")
        + $", convergence ms {Joined(summary.Convergence)}, deviation {Joined(summary.Deviation)}, evacuation ms {Joined(summary.Evacuation)}";

    private static string Joined(double[][] windows) =>
        windows.Length == 0 ? "-" : string.Join(" | ", windows.Select(seeds => string.Join(' ', seeds.Select(value => value.ToString("0.####", CultureInfo.InvariantCulture)))));

    [Theory]
    [InlineData("01_equal", nameof(ShareScale.Multiplier))]
    [InlineData("01_equal", nameof(ShareScale.Ppm1024))]
    [InlineData("29_4flows", nameof(ShareScale.Multiplier))]
    [InlineData("14_big_stream", nameof(ShareScale.Ppm1024))]
    public void It_gets_off_an_end_that_it_starts_at(string name, string scale)
    {
        var scenario = ScenarioFile.ReadAll(ScenarioFile.Supplied).Single(scenario => scenario.Name == name);
        double Goodput(double start) => Simulation.Run(scenario, 0, Enum.Parse<ShareScale>(scale),
            host => new AdaptivePolicy(host.Encoding, host.Period, start, new Random(host.Seed))).GoodputGbps;
        Assert.InRange(Goodput(1) / Goodput(double.NaN), 0.9, 1.1);
    }
}
