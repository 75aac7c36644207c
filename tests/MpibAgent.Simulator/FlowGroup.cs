using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

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
