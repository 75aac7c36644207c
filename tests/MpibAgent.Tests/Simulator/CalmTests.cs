using MpibAgent.Simulator;

namespace MpibAgent.Tests.Simulator;

public sealed class CalmTests
{
    [Fact]
    public void From_the_end_on_rates_stay_nobody_else_sends_and_every_flow_has_more()
    {
        for (var number = 0; number < 300; number++)
        {
            var scenario = RandomScenarios.Make(number);
            var calm = Calm.After(scenario, 20);
            Assert.Empty(ScenarioFaults.Of(calm));
            Assert.Equal(scenario.Duration + 20, calm.Duration);
            foreach (var (before, after) in new[] { (scenario.Rails.Sout, calm.Rails.Sout), (scenario.Rails.Sup, calm.Rails.Sup) })
            {
                var (rail, quiet) = (new RailModel(before), new RailModel(after));
                Assert.Equal(rail.PathRate(1.234), quiet.PathRate(1.234));
                foreach (var time in new[] { scenario.Duration + 0.5, calm.Duration })
                {
                    Assert.Equal(RailState.Up, quiet.State(time));
                    Assert.Equal(0, quiet.HostCross(time));
                    Assert.Equal(before.Path?.At(scenario.Duration), after.Path?.At(time));
                    Assert.Equal(0, after.NetCross?.At(time) ?? 0);
                }
            }

            Assert.All(calm.Flows, flow => Assert.True(flow.Stop > calm.Duration));
        }
    }

    [Fact]
    public void Who_has_the_best_share_ends_at_the_optimum_and_who_has_another_does_not()
    {
        var scenario = Calm.After(RandomScenarios.Make(273), 6);
        var best = Simulation.RunOptimum(scenario, 0, ShareScale.Ppm1024);
        var fixedShare = Simulation.Run(scenario, 0, ShareScale.Ppm1024, Contenders.Find("fixed"));
        Assert.InRange(Calm.Sent(scenario, fixedShare) / Calm.Sent(scenario, best), 0.05, 0.3);

        // Bytes of the last seconds, and no more than the links carry in them.
        var links = (scenario.Rails.Sout.LinkGbps + scenario.Rails.Sup.LinkGbps) * TwoRails.Gbps * Calm.Measured;
        Assert.InRange(Calm.Sent(scenario, best), 0.01 * links, 1.01 * links);
    }

    [Fact]
    public void The_search_names_the_scenarios_that_a_policy_ends_wrong_in()
    {
        var output = new StringWriter();
        CalmSearch.Write(output, [new Candidate("fixed", ShareScale.Ppm1024), new Candidate("adaptive", ShareScale.Ppm1024)], RandomScenarios.Make, first: 317, count: 1, seconds: 20, period: null);
        var parts = output.ToString().Split("adaptive ppm1024:");
        Assert.Matches(@"below 50 % in 1\n(.*\n)*  seed 317: \d\d\.\d: SOUT 400", parts[0]);
        Assert.Contains("below 80 % in 0", parts[1], StringComparison.Ordinal);
    }
}
