namespace MpibAgent.Metrics;

/// <summary>Settings of the metrics, section [Metrics].</summary>
internal sealed class MetricsOptions
{
    /// <summary>Absolute path of the file for node_exporter's textfile collector, ending in .prom; empty: none, and nothing is measured.</summary>
    public string TextFile { get; set; } = "";

    /// <summary>How often it is replaced at most, 1 to 3600.</summary>
    public int IntervalSeconds { get; set; } = 15;
}
