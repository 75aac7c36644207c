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
    [InlineData("\"events\": [[1, 2, 3]],", "events[0]: expected [t0, t1], got [1, 2, 3]")]
    [InlineData("\"hosts\": 2, \"hosts\": 1,", "hosts")]
    [InlineData("\"hosts\": 2000000000,", "hosts: expected at most 1000, got 2000000000")]
    [InlineData("\"dt_ms\": 5000,", "duration_s: expected 1 to 10000000 steps of dt_ms, got 0")]
    [InlineData("\"dt_ms\": 1e-9,", "duration_s: expected 1 to 10000000 steps of dt_ms, got ")]
    [InlineData("\"sampling\": { \"period_ms\": 1e300 },", "sampling.period_ms: expected at most 3600000, got 1E+300")]
    [InlineData("\"sampling\": { \"period_jitter\": -5 },", "sampling.period_jitter: expected 0 to 1, got -5")]
    [InlineData("\"sampling\": { \"rate_noise\": -1 },", "sampling.rate_noise: expected at least 0, got -1")]
    [InlineData("\"events\": [[1, 0.5]],", "events[0]: expected 0 <= t0 < t1 <= duration_s, got [1, 0.5]")]
    [InlineData("\"steady\": [[0, 1], [5, 9]],", "steady[1]: expected 0 <= t0 < t1 <= duration_s, got [5, 9]")]
    [InlineData("\"oracle_gbps\": 0,", "oracle_gbps: expected above 0, got 0")]
    [InlineData("\"expect\": { \"max_conv_ms\": [50] },", "expect.max_conv_ms: expected as many as events, 0, got 1")]
    [InlineData("\"steady\": [[0, 1]], \"expect\": { \"max_std_r\": [0.1, 0.1] },", "expect.max_std_r: expected as many as steady, 1, got 2")]
    [InlineData("\"expect\": { \"max_evac_ms\": [5] },", "expect.max_evac_ms: expected as many as death, 0, got 1")]
    public void A_fault_names_file_and_key(string line, string expected)
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(Text(line), "some/scenario.json"));
        Assert.StartsWith("some/scenario.json: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"fast\"", "got \"fast\"")]
    [InlineData("[]", "it has no points")]
    [InlineData("-1", "-1 is no rate")]
    [InlineData("1e999", "1e999 is no rate")]
    [InlineData("[[0, 100], [1, -1]]", "-1 is no rate")]
    [InlineData("{ \"walk\": { \"period_ms\": 1, \"lo\": -5, \"hi\": 2 } }", "-5 is no rate")]
    [InlineData("[[1, 2], [1, 3]]", "its times do not ascend")]
    [InlineData("[[1, 2, 3]]", "a point is [t, v], not [1, 2, 3]")]
    [InlineData("{ \"step\": [[1, 2]] }", "unknown key \"step\"")]
    [InlineData("{ \"onoff\": { \"period_ms\": 1, \"on\": 1, \"dty\": 1 } }", "unknown key \"dty\"")]
    [InlineData("{ \"walk\": { \"period_ms\": 1, \"lo\": 1 } }", "hi is missing")]
    [InlineData("{ \"walk\": { \"period_ms\": 1, \"lo\": 1, \"hi\": 2, \"hi\": 3 } }", "hi is there twice")]
    [InlineData("{ \"walk\": { \"period_ms\": 0, \"lo\": 1, \"hi\": 2 } }", "period_ms is not above 0")]
    [InlineData("{ \"walk\": { \"period_ms\": 1, \"lo\": 3, \"hi\": 2 } }", "lo is above hi")]
    [InlineData("{ \"onoff\": { \"period_ms\": 1, \"on\": 1, \"duty\": 2 } }", "duty is not 0 to 1")]
    [InlineData("{ \"sum\": [] }", "it has no parts")]
    public void A_profile_at_fault_says_what_was_expected(string profile, string expected)
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(Text(path: profile), "a.json"));
        Assert.Contains("a.json: rails.sup.path_gbps: expected a number, [[t, v], ...], ramp, onoff, walk or sum", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null", "flows[0]: expected an object, got null")]
    [InlineData("{ \"count\": 2000000000, \"workload\": { \"kind\": \"stream\" } }", "flows[0].count: expected 1 to 1000, got 2000000000")]
    [InlineData("{ \"workload\": { \"kind\": \"stream\", \"window\": 2000000000 } }", "flows[0].workload.window: expected 1 to 100000, got 2000000000")]
    [InlineData("{ \"start\": 2, \"stop\": 1, \"workload\": { \"kind\": \"stream\" } }", "flows[0].stop: expected above start, got 1")]
    [InlineData("{ \"workload\": { \"kind\": \"stream\", \"msg_bytes\": 1e300 } }", "flows[0].workload.msg_bytes: expected 0 to 1000000000000, got 1E+300")]
    [InlineData("{ \"workload\": { \"kind\": \"openloop\" } }", "flows[0].workload.gbps: expected a rate")]
    [InlineData("{ \"workload\": { \"kind\": \"burst\", \"bytes\": [9, 5], \"compute_ms\": [1, 2] } }", "flows[0].workload.bytes: expected above 0, [lowest, highest], got 9, 5")]
    public void A_flow_at_fault_says_what_was_expected(string flow, string expected)
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(Text(flow: flow), "a.json"));
        Assert.StartsWith($"a.json: {expected}", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../up")]
    [InlineData("two\\nlines")]
    public void A_name_can_be_that_of_a_file(string name)
    {
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(Text(name: name), "a.json"));
        Assert.Contains("name: expected", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, char.IsControl);
    }

    [Fact]
    public void The_states_of_a_rail_come_in_their_order()
    {
        var text = Text().Replace("\"link_gbps\"", "\"state\": [[1.5, \"up\"], [0.5, \"down\"]], \"link_gbps\"", StringComparison.Ordinal);
        Assert.StartsWith("a.json: rails.sout.state: expected times that ascend, got 1.5, 0.5", Assert.Throws<ScenarioException>(() => ScenarioFile.Parse(text, "a.json")).Message,
            StringComparison.Ordinal);
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

    [Fact]
    public void A_directory_without_a_scenario_is_named()
    {
        using var directory = new TempDirectory();
        Assert.Contains(directory.Path, Assert.Throws<ScenarioException>(() => ScenarioFile.ReadAll(directory.Path).ToList()).Message, StringComparison.Ordinal);
        Assert.Contains("/nowhere", Assert.Throws<ScenarioException>(() => ScenarioFile.ReadAll("/nowhere").ToList()).Message, StringComparison.Ordinal);
    }

    private static string Text(string line = "", string path = "100", string flow = "{ \"workload\": { \"kind\": \"stream\" } }", string name = "test") => $$"""
        {
          "name": "{{name}}", "duration_s": 1, {{line}}
          "rails": { "sout": { "link_gbps": 400 }, "sup": { "link_gbps": 400, "path_gbps": {{path}} } },
          "flows": [{{flow}}]
        }
        """;
}
