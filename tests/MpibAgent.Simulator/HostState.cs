using MpibAgent.Policy;

namespace MpibAgent.Simulator;

/// <summary>A host during a run: its counters as they are and as they can be seen, its flows, its policy. Arrays are by rail.</summary>
internal sealed class HostState
{
    public required int Index { get; init; }

    public required FlowState[] Flows { get; init; }

    public required ISplitPolicy? Policy { get; init; }

    public double[] TxBytes { get; } = new double[2];

    /// <summary>What of <see cref="TxBytes"/> our flows sent.</summary>
    public double[] FlowBytes { get; } = new double[2];

    /// <summary>The counters of the last refresh.</summary>
    public double[] SeenBytes { get; } = new double[2];

    /// <summary>Where the counters were when they last started at 0.</summary>
    public double[] ResetBytes { get; } = new double[2];

    public double[] Timeouts { get; } = new double[2];

    public double[] Notifications { get; } = new double[2];

    /// <summary>Seconds with data to send and none sent.</summary>
    public double[] Wait { get; } = new double[2];

    /// <summary>The numbers of the last refreshes.</summary>
    public double[] Refresh { get; } = [double.NegativeInfinity, double.NegativeInfinity];

    /// <summary>When the policy samples next, seconds.</summary>
    public double NextSample { get; set; }

    /// <summary>Which of the scenario's resets have happened.</summary>
    public required bool[] ResetsDone { get; init; }

    /// <summary>Telemetry, by flow.</summary>
    public required PathLevels[] Paths { get; init; }

    /// <summary>What the policy decides, by flow.</summary>
    public required double[] Shares { get; init; }
}
