using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Logging;
using MpibAgent.Metrics;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Registration;
using MpibAgent.Slots;
using MpibAgent.Telemetry;

namespace MpibAgent;

/// <summary>Every setting, one class per section of the settings file, which lives with its component.</summary>
internal sealed class AgentOptions
{
    /// <summary>[Hints]</summary>
    public HintOptions Hints { get; set; } = new();

    /// <summary>[Registration]</summary>
    public RegistrationOptions Registration { get; set; } = new();

    /// <summary>[Control]</summary>
    public ControlOptions Control { get; set; } = new();

    /// <summary>[Limits]</summary>
    public LimitOptions Limits { get; set; } = new();

    /// <summary>[State]</summary>
    public StateOptions State { get; set; } = new();

    /// <summary>[Policy]</summary>
    public PolicyOptions Policy { get; set; } = new();

    /// <summary>[Rails]</summary>
    public RailOptions Rails { get; set; } = new();

    /// <summary>[Telemetry]</summary>
    public TelemetryOptions Telemetry { get; set; } = new();

    /// <summary>[Metrics]</summary>
    public MetricsOptions Metrics { get; set; } = new();

    /// <summary>[Log]</summary>
    public LogOptions Log { get; set; } = new();
}
