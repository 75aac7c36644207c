using System.Text.Json.Serialization;

namespace MpibAgent.Interface;

/// <summary>
/// What the agent says of itself in its status file (doc/interface.md): the state at one moment, replaced as a whole when something has changed. Times are seconds
/// of CLOCK_BOOTTIME. Tools read it; the agent's StatusPicture writes the text, member by member.
/// </summary>
public sealed record StatusSnapshot
{
    /// <summary>How old one gets, in seconds, before the next is written for what has changed since; also where writing takes long.</summary>
    public const int MostBehind = 5;

    /// <summary>The version that is described here. A reader takes no higher one; what is added without harm leaves it as it is.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Its name, in the directory of the control FIFO.</summary>
    public const string FileName = "status.json";

    /// <summary>The most processes that are listed for a slot.</summary>
    public const int MostProcesses = 64;

    /// <summary>No snapshot is longer than this, in bytes.</summary>
    public const int LargestSize = 4 << 20;

    /// <summary><see cref="CurrentVersion"/>.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>When it was written.</summary>
    public double WrittenAt { get; init; }

    /// <summary>The process that wrote it.</summary>
    public required AgentState Agent { get; init; }

    /// <summary>The policy in charge.</summary>
    public required PolicyState Policy { get; init; }

    /// <summary>What hints are.</summary>
    public required HintState Hints { get; init; }

    /// <summary>Where the rest is.</summary>
    public required AgentPaths Paths { get; init; }

    /// <summary>SOUT, then SUP.</summary>
    public required IReadOnlyList<RailState> Rails { get; init; }

    /// <summary>The slots that have a flow, or a hint that was set for one to come; in ascending order.</summary>
    public required IReadOnlyList<SlotState> Slots { get; init; }
}

/// <summary>The agent's process.</summary>
/// <param name="Pid">In its own pid namespace.</param>
/// <param name="PidNamespace">The inode of that namespace: pids here mean something only to who is in it. 0: not known.</param>
/// <param name="Version">Of the program.</param>
/// <param name="StartedAt">When it started.</param>
/// <param name="Start">fresh; restarted; recovered: restarted after one that ended without a stop; taken-over: from the region alone, the state was lost.</param>
public sealed record AgentState(int Pid, ulong PidNamespace, string Version, double StartedAt, string Start);

/// <summary>The policy in charge.</summary>
/// <param name="Name">manual, alternating, capacity, adaptive.</param>
/// <param name="Reason">Why the shares are what they are; empty where it decides nothing.</param>
/// <param name="MeanShare">The mean share of SUP, 0 to 1, over the flows that it steers; null when there are none.</param>
public sealed record PolicyState(string Name, string Reason, double? MeanShare);

/// <summary>What hints are.</summary>
/// <param name="Encoding">multiplier or ppm1024.</param>
/// <param name="Initial">The hint of a slot that nobody has set.</param>
/// <param name="InitialPinned">`all HINT` is in force: slots of flows to come are pinned too.</param>
/// <param name="Seq">The sum of all slots' seq, modulo 2^32: where the region has another, it has changed since. Null: an agent that did not say.</param>
public sealed record HintState(string Encoding, uint Initial, bool InitialPinned, uint? Seq = null);

/// <summary>Files of the agent.</summary>
/// <param name="Region">The hint region.</param>
/// <param name="Socket">The registration socket.</param>
/// <param name="Control">The control FIFO.</param>
/// <param name="SysRoot">Where it looks for the rails.</param>
public sealed record AgentPaths(string Region, string Socket, string Control, string SysRoot);

/// <summary>A rail.</summary>
/// <param name="Rail">SOUT or SUP.</param>
/// <param name="Device">Its name in the settings; empty when it has none.</param>
/// <param name="Kind">rdma or interface; null when the agent has not looked, as under a policy that uses no rails, or found none.</param>
/// <param name="Up">Whether its link is up; null when the agent has not looked.</param>
/// <param name="LinkRate">Bytes per second; 0: not known.</param>
/// <param name="Reason">What is wrong with it; empty when nothing is.</param>
public sealed record RailState(string Rail, string Device, string? Kind, bool? Up, double LinkRate, string Reason)
{
    /// <summary>The <see cref="Reason"/> of a rail whose device keeps whoever reads it waiting.</summary>
    public const string NoAnswer = "its device does not answer";

    /// <summary>The <see cref="Reason"/> of a rail of which nobody knows what it sends: policy adaptive goes by nothing else.</summary>
    public const string NoCounter = "its counter of bytes cannot be read";
}

/// <summary>A slot.</summary>
/// <param name="Slot">0 to 255.</param>
/// <param name="Source">The flow's source address, 255.255.255.255 in the slot that flows share; null when it has no flow.</param>
/// <param name="Destination">The flow's destination address.</param>
/// <param name="Hint">As it was when the snapshot was made; the region has it as it is.</param>
/// <param name="SetBy">initial, operator (pinned), policy, or earlier-agent: found in the region.</param>
/// <param name="Connections">How many hold it.</param>
/// <param name="ChangedAt">When hint, flow or connections last changed, to a second; null: before this agent.</param>
/// <param name="Processes">Those that hold it, the lowest pids first, at most <see cref="StatusSnapshot.MostProcesses"/>.</param>
/// <param name="MoreProcesses">How many there are beyond those.</param>
/// <param name="Flows">How many flows have it: more than 1 where they share it; 0 where none is known.</param>
public sealed record SlotState(int Slot, string? Source, string? Destination, uint Hint, string SetBy, int Connections, double? ChangedAt,
    IReadOnlyList<ProcessState> Processes, int MoreProcesses, int Flows = 1);

/// <summary>A process that has connections in a slot.</summary>
/// <param name="Pid">In the agent's pid namespace.</param>
/// <param name="Uid">Its user when it connected.</param>
/// <param name="Connections">How many it has there.</param>
public sealed record ProcessState(int Pid, uint Uid, int Connections);

/// <summary>Reads it without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, MaxDepth = 8)]
[JsonSerializable(typeof(StatusSnapshot))]
public sealed partial class StatusJson : JsonSerializerContext;
