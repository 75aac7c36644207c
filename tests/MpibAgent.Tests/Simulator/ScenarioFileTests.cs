using MpibAgent.Simulator;

namespace MpibAgent.Tests.Simulator;

public sealed class ScenarioFileTests
{
    [Fact]
    public void Every_scenario_that_comes_with_the_simulator_is_sound()
    {
        var scenarios = ScenarioFile.ReadAll(ScenarioFile.Supplied).ToList();
        Assert.Equal(33, scenarios.Count);
        Assert.All(scenarios, scenario => Assert.NotNull(scenario.Expect));
    }

    [Theory]
    [InlineData("5", 0, 5)]
    [InlineData("[[1, 10], [2, 20]]", 0, 10)]
    [InlineData("[[1, 10], [2, 20]]", 2, 20)]
    [InlineData("{ \"ramp\": [[1, 10], [3, 20]] }", 0, 10)]
    [InlineData("{ \"ramp\": [[1, 10], [3, 20]] }", 2, 15)]
    [InlineData("{ \"ramp\": [[1, 10], [3, 20]] }", 4, 20)]
    [InlineData("{ \"onoff\": { \"period_ms\": 100, \"on\": 9, \"off\": 1, \"t0\": 1, \"t1\": 2 } }", 0.5, 1)]
    [InlineData("{ \"onoff\": { \"period_ms\": 100, \"on\": 9, \"off\": 1, \"t0\": 1, \"t1\": 2 } }", 1.01, 9)]
    [InlineData("{ \"onoff\": { \"period_ms\": 100, \"on\": 9, \"off\": 1, \"t0\": 1, \"t1\": 2 } }", 1.06, 1)]
    [InlineData("{ \"onoff\": { \"period_ms\": 100, \"on\": 9, \"off\": 1, \"t0\": 1, \"t1\": 2 } }", 2.01, 1)]
    [InlineData("{ \"walk\": { \"period_ms\": 300, \"lo\": 150, \"hi\": 400, \"seed\": 3 } }", 0.1, 209.49115677297283)]
    [InlineData("{ \"walk\": { \"period_ms\": 300, \"lo\": 150, \"hi\": 400, \"seed\": 3 } }", 0.4, 286.057306323988)]
    [InlineData("{ \"sum\": [3, [[0, 1], [5, 7]]] }", 6, 10)]
    public void A_profile_is_what_it_says(string profile, double time, double value)
    {
        var scenario = ScenarioFile.Parse(Text(path: profile), "a.json");
        Assert.Equal(value, scenario.Rails.Sup.Path!.At(time), 1e-9);
    }

    [Theory]
    [InlineData("\"jitter\": 1,", "jitter")]
    [InlineData("\"sampling\": { \"perod_ms\": 5 },", "sampling.perod_ms")]
    [InlineData("\"sampling\": { \"period_ms\": 0 },", "sampling.period_ms: expected above 0, got 0")]
    [InlineData("\"sampling\": { \"missing\": [[1, 2]] },", "sampling.missing[0]: expected [t0, t1, \"sout\" or \"sup\"], got [1, 2]")]
    [InlineData("\"hosts\": 0,", "hosts: expected at least 1, got 0")]
    [InlineData("\"hosts\": \"two\",", "hosts")]
    [InlineData("\"death\": [[1, \"north\"]],", "death[0]: expected [t, \"sout\" or \"sup\"], got [1, \"north\"]")]
    [InlineData("\"events\": [5],", "events[0]: expected [t0, t1], got 5")]
    public void A_fault_names_file_and_key(string line, string expected)
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(Text(line), "some/scenario.json"));
        Assert.StartsWith("some/scenario.json: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"fast\"", "got \"fast\"")]
    [InlineData("[]", "it has no points")]
    [InlineData("[[1, 2], [1, 3]]", "its times do not ascend")]
    [InlineData("[[1, 2, 3]]", "a point is [t, v], not [1, 2, 3]")]
    [InlineData("{ \"step\": [[1, 2]] }", "unknown key \"step\"")]
    [InlineData("{ \"onoff\": { \"period_ms\": 1, \"on\": 1, \"dty\": 1 } }", "unknown key \"dty\"")]
    [InlineData("{ \"walk\": { \"period_ms\": 1, \"lo\": 1 } }", "hi is missing")]
    [InlineData("{ \"walk\": { \"period_ms\": 0, \"lo\": 1, \"hi\": 2 } }", "period_ms is not above 0")]
    public void A_profile_at_fault_says_what_was_expected(string profile, string expected)
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(Text(path: profile), "a.json"));
        Assert.Contains("a.json: rails.sup.path_gbps: expected a number, [[t, v], ...], ramp, onoff, walk or sum", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_is_told_at_once()
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(Text("\"hosts\": 0, \"dt_ms\": 0,"), "a.json"));
        Assert.Contains("a.json: dt_ms: ", e.Message, StringComparison.Ordinal);
        Assert.Contains("a.json: hosts: ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"name\": \"x\" }", "a.json: JSON deserialization for type 'MpibAgent.Simulator.Scenario' was missing required properties including: 'duration_s'")]
    [InlineData("{ \"name\":", "a.json: name: ")]
    [InlineData("null", "a.json: expected an object")]
    public void What_is_no_scenario_says_so(string text, string expected)
        => Assert.StartsWith(expected, Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(text, "a.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Read("/nowhere/a.json"));
        Assert.Contains("/nowhere/a.json", e.Message, StringComparison.Ordinal);
    }

    private static string Text(string line = "", string path = "100") => $$"""
        {
          "name": "test", "duration_s": 1, {{line}}
          "rails": { "sout": { "link_gbps": 400 }, "sup": { "link_gbps": 400, "path_gbps": {{path}} } },
          "flows": [{ "workload": { "kind": "stream" } }]
        }
        """;
}
