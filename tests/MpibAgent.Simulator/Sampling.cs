using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

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

    /// <summary>How much later than SOUT's counters those of SUP are refreshed; each device goes by its own clock.</summary>
    [JsonPropertyName("refresh_shift_ms")]
    public double RefreshShiftMilliseconds { get; init; }

    /// <summary>Whether nobody tells of a link that goes down or comes up, as with InfiniBand.</summary>
    [JsonPropertyName("links_untold")]
    public bool AreLinksUntold { get; init; }

    /// <summary>A counter moves by whole packets of so many bytes; 0 when it counts every byte.</summary>
    [JsonPropertyName("packet_bytes")]
    public double PacketBytes { get; init; }

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
