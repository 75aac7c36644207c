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

internal sealed record RailPair
{
    [JsonPropertyName("sout")]
    public required Rail Sout { get; init; }

    [JsonPropertyName("sup")]
    public required Rail Sup { get; init; }
}

/// <summary>A NIC and the path behind it.</summary>
internal sealed record Rail
{
    /// <summary>Line rate of the NIC: the only rate that the agent can read.</summary>
    [JsonPropertyName("link_gbps")]
    public required double LinkGbps { get; init; }

    /// <summary>Capacity of the path; none given means that the NIC is the limit.</summary>
    [JsonPropertyName("path_gbps")]
    public CapacityProfile? Path { get; init; }

    /// <summary>What others send over the path, whatever we do.</summary>
    [JsonPropertyName("net_cross_gbps")]
    public CapacityProfile? NetCross { get; init; }

    /// <summary>What other programs of the host send over the NIC: it is in the NIC's counters, too.</summary>
    [JsonPropertyName("host_cross_gbps")]
    public CapacityProfile? HostCross { get; init; }

    /// <summary>The part of the path, 0 to 1, that cross traffic cannot take away.</summary>
    [JsonPropertyName("fair_floor")]
    public double FairFloor { get; init; }

    [JsonPropertyName("state")]
    public StateChange[] States { get; init; } = [];
}

internal enum RailState
{
    Up,

    /// <summary>The link is seen to be down.</summary>
    Down,

    /// <summary>A black hole: the link is up and nothing arrives.</summary>
    Dead,
}

/// <summary>Flows that are alike.</summary>
internal sealed record FlowGroup
{
    [JsonPropertyName("count")]
    public int Count { get; init; } = 1;

    /// <summary>The host that sends; none given spreads them round robin.</summary>
    [JsonPropertyName("host")]
    public int? Host { get; init; }

    [JsonPropertyName("start")]
    public double Start { get; init; }

    [JsonPropertyName("stop")]
    public double Stop { get; init; } = 1e9;

    /// <summary>Limits of this flow's own paths, behind the rails' common ones.</summary>
    [JsonPropertyName("limit_gbps")]
    public FlowLimit Limit { get; init; } = new();

    [JsonPropertyName("workload")]
    public required Workload Workload { get; init; }
}

internal sealed record FlowLimit
{
    [JsonPropertyName("sout")]
    public CapacityProfile? Sout { get; init; }

    [JsonPropertyName("sup")]
    public CapacityProfile? Sup { get; init; }
}

internal enum WorkloadKind
{
    /// <summary>Always has more to send.</summary>
    Stream,

    /// <summary>Sends a volume, computes, and again.</summary>
    Burst,

    /// <summary>Offers a rate, whether or not it gets through.</summary>
    Openloop,
}

internal sealed record Workload
{
    /// <summary>From here on the bytes of one message take longer than a sampling period, and messages are simulated one by one.</summary>
    public const double BigMessage = 1 << 24;

    [JsonPropertyName("kind")]
    public required WorkloadKind Kind { get; init; }

    [JsonPropertyName("msg_bytes")]
    public double MessageBytes { get; init; }

    /// <summary>Messages outstanding at a time.</summary>
    [JsonPropertyName("window")]
    public int Window { get; init; } = 8;

    /// <summary>A burst's volume: one value, or lowest and highest of one drawn for each burst.</summary>
    [JsonPropertyName("bytes")]
    [JsonConverter(typeof(VolumeConverter))]
    public double[] BurstBytes { get; init; } = [];

    /// <summary>Lowest and highest pause between bursts.</summary>
    [JsonPropertyName("compute_ms")]
    public double[] ComputeMilliseconds { get; init; } = [];

    [JsonPropertyName("gbps")]
    public CapacityProfile? OfferedGbps { get; init; }
}

/// <summary>How, and how well, the host's counters are read.</summary>
internal sealed record Sampling
{
    [JsonPropertyName("period_ms")]
    public double PeriodMilliseconds { get; init; } = 5;

    /// <summary>How far a period may be off, as a part of it.</summary>
    [JsonPropertyName("period_jitter")]
    public double PeriodJitter { get; init; } = 0.2;

    /// <summary>Standard deviation of the error of a sample's time stamp.</summary>
    [JsonPropertyName("stamp_noise_us")]
    public double StampNoiseMicroseconds { get; init; } = 30;

    /// <summary>Standard deviation of the rails' rates from one millisecond to the next, as a part of them.</summary>
    [JsonPropertyName("rate_noise")]
    public double RateNoise { get; init; }

    /// <summary>How often the device refreshes its counters; 0 when they are always fresh.</summary>
    [JsonPropertyName("refresh_ms")]
    public double RefreshMilliseconds { get; init; }

    /// <summary>When a rail's counters cannot be read.</summary>
    [JsonPropertyName("missing")]
    public RailWindow[] Missing { get; init; } = [];

    /// <summary>When a rail's counters start at 0 again.</summary>
    [JsonPropertyName("reset")]
    public RailMoment[] Resets { get; init; } = [];
}

/// <summary>What there is to see besides the byte counters.</summary>
internal sealed record SignalSet
{
    [JsonPropertyName("telemetry")]
    public bool Telemetry { get; init; }

    [JsonPropertyName("flow_telemetry")]
    public bool FlowTelemetry { get; init; }

    [JsonPropertyName("cnp")]
    public bool Notifications { get; init; }

    [JsonPropertyName("xmit_wait")]
    public bool Wait { get; init; }

    [JsonPropertyName("err")]
    public bool Timeouts { get; init; }
}

/// <summary>What a good policy reaches, sampled every 5 ms and written in ppm1024.</summary>
internal sealed record Expectation
{
    [JsonPropertyName("min_goodput_pct_of_optimum")]
    public double? MinGoodputPercent { get; init; }

    /// <summary>For each event; null where no time is expected.</summary>
    [JsonPropertyName("max_conv_ms")]
    public double?[] MaxConvergenceMilliseconds { get; init; } = [];

    [JsonPropertyName("max_std_r")]
    public double?[] MaxShareDeviation { get; init; } = [];

    [JsonPropertyName("max_evac_ms")]
    public double?[] MaxEvacuationMilliseconds { get; init; } = [];

    [JsonPropertyName("demonstrated_min_pct")]
    public double? ShownMinPercent { get; init; }

    [JsonPropertyName("demonstrated_conv_ms_median")]
    public double?[] ShownConvergenceMilliseconds { get; init; } = [];

    [JsonPropertyName("seeds")]
    public int? Seeds { get; init; }
}
