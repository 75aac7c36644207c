using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

/// <summary>
/// One situation to try a policy in: rails, flows, what can be measured and how well, and what is expected of a good policy. Rates are in Gb/s,
/// times in seconds unless a name says otherwise; <see cref="ScenarioFile"/> reads it from JSON.
/// </summary>
internal sealed record Scenario
{
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    [JsonPropertyName("duration_s")]
    public required double Duration { get; init; }

    [JsonPropertyName("seed")]
    public int Seed { get; init; } = 1;

    [JsonPropertyName("dt_ms")]
    public double StepMilliseconds { get; init; } = 0.5;

    [JsonPropertyName("hosts")]
    public int Hosts { get; init; } = 1;

    /// <summary>Whether the hosts have the paths' capacity together; otherwise each of them has all of it.</summary>
    [JsonPropertyName("shared_path")]
    public bool SharedPath { get; init; }

    /// <summary>After how long the plugin moves the bytes of a big message that are stuck on a rail to the other one.</summary>
    [JsonPropertyName("failover_ms")]
    public double FailoverMilliseconds { get; init; } = 100;

    [JsonPropertyName("rails")]
    public required RailPair Rails { get; init; }

    [JsonPropertyName("flows")]
    public required FlowGroup[] Flows { get; init; }

    [JsonPropertyName("sampling")]
    public Sampling Sampling { get; init; } = new();

    [JsonPropertyName("signals")]
    public SignalSet Signals { get; init; } = new();

    /// <summary>Windows that start with a change: how long until the split is good again?</summary>
    [JsonPropertyName("events")]
    public TimeWindow[] Events { get; init; } = [];

    /// <summary>Windows without a change: how steady is the share?</summary>
    [JsonPropertyName("steady")]
    public TimeWindow[] Steady { get; init; } = [];

    /// <summary>When a rail dies: how long until no byte is given to it?</summary>
    [JsonPropertyName("death")]
    public RailMoment[] Deaths { get; init; } = [];

    /// <summary>The goodput of a perfect policy where giving each flow the ratio of its rails is not the optimum.</summary>
    [JsonPropertyName("oracle_gbps")]
    public double? OptimumGbps { get; init; }

    [JsonPropertyName("expect")]
    public Expectation? Expect { get; init; }
}
