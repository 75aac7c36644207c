using System.Text.Json.Serialization;

namespace MpibCtl;

/// <summary>The agent.</summary>
/// <param name="Pid">In its pid namespace.</param>
/// <param name="Version">Of the program.</param>
/// <param name="UptimeSeconds">Since it started.</param>
/// <param name="Start">fresh, restarted, recovered, taken-over (doc/interface.md).</param>
/// <param name="Policy">In charge.</param>
/// <param name="Reason">What the policy says of its last decision; empty when there is none.</param>
/// <param name="MeanSharePercent">Mean share of SUP over the flows that it steers.</param>
/// <param name="Encoding">multiplier or ppm1024.</param>
/// <param name="InitialHint">The hint of a slot that nobody has set.</param>
/// <param name="InitialSharePercent">What that is on SUP.</param>
/// <param name="InitialPinned">`set all` is in force.</param>
/// <param name="Region">Path of the region.</param>
/// <param name="Socket">Path of the registration socket.</param>
/// <param name="Control">Path of the control FIFO.</param>
public sealed record AgentReport(int Pid, string Version, double UptimeSeconds, string Start, string Policy, string Reason, double? MeanSharePercent, string Encoding,
    uint InitialHint, double InitialSharePercent, bool InitialPinned, string Region, string Socket, string Control);

/// <summary>A rail.</summary>
/// <param name="Rail">SOUT or SUP.</param>
/// <param name="Device">As [Rails] names it; empty when it does not.</param>
/// <param name="Kind">rdma, interface; null when there is no such device.</param>
/// <param name="Up">Whether the link is up; null when that is not known.</param>
/// <param name="Gbps">The link's rate in Gb/s; null when it is not known.</param>
/// <param name="Problem">What is wrong; empty when nothing is.</param>
public sealed record RailReport(string Rail, string Device, string? Kind, bool? Up, double? Gbps, string Problem);

/// <summary>A slot.</summary>
/// <param name="Slot">0 to 255.</param>
/// <param name="Source">Source of its flow, 255.255.255.255 where flows share it; null when it has none.</param>
/// <param name="Destination">Destination of its flow.</param>
/// <param name="Hint">As the region has it now.</param>
/// <param name="SharePercent">What that is on SUP.</param>
/// <param name="SetBy">initial, operator, policy, earlier-agent; null: flow or hint are newer than the agent's snapshot.</param>
/// <param name="Connections">How many hold it; null likewise.</param>
/// <param name="AgeSeconds">Since hint, flow or connections changed; null: before the agent started, or not known yet.</param>
/// <param name="Processes">Those that hold it, 64 at most.</param>
/// <param name="MoreProcesses">How many there are beyond those.</param>
/// <param name="Flows">How many flows have it, as the agent's snapshot knows; 0 where none is known.</param>
public sealed record SlotReport(int Slot, string? Source, string? Destination, uint Hint, double SharePercent, string? SetBy, int? Connections, double? AgeSeconds,
    IReadOnlyList<ProcessReport> Processes, int MoreProcesses, int Flows);

/// <summary>A process.</summary>
/// <param name="Pid">In the agent's pid namespace.</param>
/// <param name="Uid">Its user's number.</param>
/// <param name="User">Its user's name.</param>
/// <param name="Command">Its command name; null when the caller may not see it.</param>
/// <param name="Connections">How many it has in the slot.</param>
public sealed record ProcessReport(int Pid, uint Uid, string? User, string? Command, int Connections);

/// <summary>Writes --json.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StatusReport))]
public sealed partial class ReportJson : JsonSerializerContext;
