using MpibAgent.Policy;

namespace MpibAgent.Rails;

/// <summary>What a look at both rails found, as it is handed on.</summary>
/// <param name="Sample">For the policy.</param>
/// <param name="Sout">The device of rail 0.</param>
/// <param name="Sup">The device of rail 1.</param>
internal readonly record struct RailsSeen(Observation Sample, DeviceSeen Sout, DeviceSeen Sup)
{
    /// <summary>What rail 0's counter shows, in bytes, also where reading it took too long to be part of a sample.</summary>
    public ulong? SoutSent { get; init; }

    /// <summary>The same of rail 1.</summary>
    public ulong? SupSent { get; init; }
}

/// <summary>What else is told of a rail's device.</summary>
/// <param name="Kind">rdma or interface; null when it is not there.</param>
/// <param name="InterfaceIndex">The interface whose link is the device's, if there is one.</param>
/// <param name="IsFrozen">Whether its counter stands still although it should not (<see cref="FrozenWatch"/>).</param>
/// <param name="IsStuck">Whether it does not answer: reading it has not come back.</param>
internal readonly record struct DeviceSeen(string? Kind, int? InterfaceIndex = null, bool IsFrozen = false, bool IsStuck = false)
{
    public bool IsPresent => Kind is not null;

    /// <summary>Whether its counter cannot be read.</summary>
    public bool IsTxMissing { get; init; }
}
