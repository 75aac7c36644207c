using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

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
