using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

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
