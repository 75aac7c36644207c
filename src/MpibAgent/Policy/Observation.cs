namespace MpibAgent.Policy;

/// <summary>
/// What could be seen of one rail at one moment. The counters count up from an unknown start; one that could not be read, or that this rail does
/// not have, is null.
/// </summary>
internal readonly record struct RailSample
{
    /// <summary>Whether the link is up; false also when the device is gone.</summary>
    public required bool IsUp { get; init; }

    /// <summary>The link's rate in bytes per second; 0 when it is not known.</summary>
    public double LinkRate { get; init; }

    /// <summary>Bytes sent.</summary>
    public ulong? TxBytes { get; init; }

    /// <summary>Retransmission timers that ran out (local_ack_timeout_err): nothing came back from the far end.</summary>
    public ulong? Timeouts { get; init; }

    /// <summary>Congestion notifications that the sender acted on (rp_cnp_handled).</summary>
    public ulong? Notifications { get; init; }

    /// <summary>Ticks with data to send and none sent (port_xmit_wait); the tick's length is the device's own.</summary>
    public ulong? WaitTicks { get; init; }
}

/// <summary>Both rails, read together.</summary>
/// <param name="Time">When, on a clock that never jumps: the middle of the reading.</param>
/// <param name="Sout">Rail 0.</param>
/// <param name="Sup">Rail 1.</param>
/// <param name="PinnedFlows">How many flows are on the rails whose split the operator has pinned.</param>
/// <param name="TellsLinks">Whether a link that goes down or comes up leads to an observation at once, so that nobody has to read often for its sake.</param>
/// <param name="IsSample">False between two samples, when something else calls for a decision: then the rails are as the last sample saw them.</param>
internal readonly record struct Observation(TimeSpan Time, RailSample Sout, RailSample Sup, int PinnedFlows = 0, bool TellsLinks = false, bool IsSample = true);

/// <summary>How congested a flow's two paths are by telemetry, 0 to 255; null without a report that is fresh.</summary>
/// <param name="Sout">Rail 0.</param>
/// <param name="Sup">Rail 1.</param>
/// <param name="SoutCongested">Whether rail 0 was over the threshold and congestion has not ended since.</param>
/// <param name="SupCongested">The same of rail 1.</param>
internal readonly record struct PathLevels(byte? Sout, byte? Sup, bool SoutCongested = false, bool SupCongested = false);
