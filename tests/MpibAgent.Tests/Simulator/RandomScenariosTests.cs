using MpibAgent.Simulator;

namespace MpibAgent.Tests.Simulator;

public sealed class RandomScenariosTests
{
    [Fact]
    public void Every_one_is_sound_and_short_and_can_carry_something()
    {
        for (var number = 0; number < 300; number++)
        {
            var scenario = RandomScenarios.Make(number);
            Assert.Empty(ScenarioFaults.Of(scenario));
            Assert.InRange(scenario.Duration, 6, 10);
            Assert.InRange(scenario.Flows.Sum(flow => flow.Count), scenario.Hosts, 8);
            Assert.NotEmpty(ScenarioText.Of(scenario));
        }
    }

    [Fact]
    public void They_are_of_every_kind()
    {
        var scenarios = Enumerable.Range(0, 500).Select(RandomScenarios.Make).ToList();
        Assert.Contains(scenarios, scenario => scenario.Hosts > 1);
        Assert.Contains(scenarios, scenario => scenario.Rails.Sup.HostCross is not null);
        Assert.Contains(scenarios, scenario => scenario.Rails.Sup.States.Any(change => change.State == RailState.Dead));
        Assert.Contains(scenarios, scenario => scenario.Flows[0].Workload.MessageBytes >= Workload.BigMessage);
        Assert.Contains(scenarios, scenario => scenario.Sampling.Missing.Length > 0);
        Assert.All(
            Enum.GetValues<WorkloadKind>(),
            kind => Assert.Contains(scenarios, scenario => scenario.Flows.Any(flow => flow.Workload.Kind == kind)));
    }
}
