using Microsoft.Extensions.Logging;
using MpibAgent.Interface;
using MpibAgent.Telemetry;

namespace MpibAgent;

/// <summary>
/// Every message of the agent. Ids are stable, in blocks of a hundred per component; the name becomes the journal's MPIB_EVENT, the id its
/// MESSAGE_ID, and each {Name} a field MPIB_NAME (doc/operations.md).
/// </summary>
internal static partial class Log
{
    // 100: the process
    [LoggerMessage(100, LogLevel.Information, "mpib-agent {Version} is ready, policy {Policy}", EventName = "ready")]
    public static partial void AgentReady(ILogger log, string version, string policy);

    [LoggerMessage(101, LogLevel.Information, "stopping", EventName = "stopping")]
    public static partial void AgentStopping(ILogger log);

    [LoggerMessage(102, LogLevel.Critical, "{Reason}", EventName = "fault")]
    public static partial void AgentFault(ILogger log, string reason, Exception? bug);

    [LoggerMessage(103, LogLevel.Critical, "the event loop ended on a bug; the agent stops, the region stays", EventName = "loop-failed")]
    public static partial void LoopFailed(ILogger log, Exception bug);

    [LoggerMessage(104, LogLevel.Warning, "{LeftOut} more messages like these were left out", EventName = "messages-left-out")]
    public static partial void ComplaintsLeftOut(ILogger log, int leftOut);

    [LoggerMessage(105, LogLevel.Information, "settings read again: {Changed} changed; {Waiting} waits for a restart", EventName = "settings-reloaded")]
    public static partial void Reloaded(ILogger log, string changed, string waiting);

    [LoggerMessage(106, LogLevel.Error, "settings: {Fault}", EventName = "setting-fault")]
    public static partial void SettingFault(ILogger log, string fault);

    [LoggerMessage(107, LogLevel.Error, "faults in the settings: {Faults}; nothing changed", EventName = "reload-refused")]
    public static partial void ReloadRefused(ILogger log, int faults);

    [LoggerMessage(108, LogLevel.Error, "the system gives no more memory: what needs some is refused or waits; registrations and hints stay",
        EventName = "without-memory")]
    public static partial void WithoutMemory(ILogger log);

    // 200: Hints
    [LoggerMessage(200, LogLevel.Information, "region {Path} {How}: {Slots} slots, encoding {Encoding}; by the settings, initial hint {Hint}, "
        + "{SharePercent:0.#}% on SUP", EventName = "region-ready")]
    public static partial void RegionReady(ILogger log, string path, string how, int slots, string encoding, uint hint, float sharePercent);

    [LoggerMessage(201, LogLevel.Warning, "{Path} is no hint region ({Reason}); moved to {Aside}. A process that mapped it goes on reading that file: restart it",
        EventName = "region-moved-aside")]
    public static partial void RegionMovedAside(ILogger log, string path, string reason, string aside);

    [LoggerMessage(202, LogLevel.Warning, "slot {Slot}: an earlier agent died while writing it; the entry was repaired", EventName = "sequence-repaired")]
    public static partial void SequenceRepaired(ILogger log, int slot);

    // 300: Slots
    [LoggerMessage(300, LogLevel.Information, "slot {Slot}: given to flow {Src} > {Dst}, hint {Hint}", EventName = "slot-given")]
    public static partial void SlotGiven(ILogger log, int slot, Ipv4Address src, Ipv4Address dst, uint hint);

    [LoggerMessage(301, LogLevel.Information, "slot {Slot}: freed, was flow {Src} > {Dst}; hint back to {Hint}", EventName = "slot-freed")]
    public static partial void SlotFreed(ILogger log, int slot, Ipv4Address src, Ipv4Address dst, uint hint);

    [LoggerMessage(302, LogLevel.Information, "slot {Slot}: hint {Hint} by {Source}, {SharePercent:0.#}% on SUP", EventName = "hint-set")]
    public static partial void HintSet(ILogger log, int slot, uint hint, string source, float sharePercent);

    [LoggerMessage(303, LogLevel.Information, "all slots: hint {Hint} by {Source}, {SharePercent:0.#}% on SUP, the initial hint from now on",
        EventName = "all-hints-set")]
    public static partial void AllHintsSet(ILogger log, uint hint, string source, float sharePercent);

    [LoggerMessage(309, LogLevel.Information, "slot {Slot}: unpinned, hint {Hint}", EventName = "slot-unpinned")]
    public static partial void SlotUnpinned(ILogger log, int slot, uint hint);

    [LoggerMessage(310, LogLevel.Information, "all slots: unpinned, the initial hint is {Hint} again", EventName = "all-unpinned")]
    public static partial void AllUnpinned(ILogger log, uint hint);

    [LoggerMessage(311, LogLevel.Information, "slot {Slot}: {Flow}, hint {Hint}, {SharePercent:0.#}% on SUP by {Source} ({Reason}), {Connections} connections",
        EventName = "slot-status")]
    public static partial void SlotStatus(ILogger log, int slot, string flow, uint hint, float sharePercent, string source, string reason, int connections);

    [LoggerMessage(304, LogLevel.Warning, "took over {Flows} flows and {Hints} hints that the region names; whose they are is not known",
        EventName = "region-taken-over")]
    public static partial void RegionTakenOver(ILogger log, int flows, int hints);

    [LoggerMessage(305, LogLevel.Warning, "state {Path} cannot be used ({Reason}) and is set aside as {Aside}: registrations made before now are not known; "
        + "flows and hints stay as the region names them", EventName = "state-set-aside")]
    public static partial void StateSetAside(ILogger log, string path, string reason, string aside);

    [LoggerMessage(306, LogLevel.Warning, "{Records} records of the state file are damaged and were dropped; {Flows} flows keep their slots without a known "
        + "connection", EventName = "state-damaged")]
    public static partial void StateDamaged(ILogger log, int records, int flows);

    [LoggerMessage(307, LogLevel.Information, "restored {Connections} connections of {Processes} processes in {Flows} flows", EventName = "state-restored")]
    public static partial void StateRestored(ILogger log, int connections, int processes, int flows);

    [LoggerMessage(308, LogLevel.Warning, "slot {Slot}: its hint {Hint} is beyond encoding {Encoding}, which ends at {Limit}; set to the initial hint {Initial}",
        EventName = "hint-out-of-range")]
    public static partial void HintOutOfRange(ILogger log, int slot, uint hint, string encoding, uint limit, uint initial);

    [LoggerMessage(312, LogLevel.Warning, "the region had to be made anew, and {Processes} processes with {Connections} connections have the one before mapped, "
        + "which nobody writes any more: restart these jobs. Hints that were set are forgotten, but for that of all", EventName = "region-lost")]
    public static partial void RegionLost(ILogger log, int processes, int connections);

    [LoggerMessage(313, LogLevel.Warning, "the encoding was {Before} and is {Encoding}: what was pinned in {Dropped} slots without a flow, {WithAll} what was set for all, would be another share "
        + "and is given up; {Kept} pinned slots with a flow keep their number", EventName = "encoding-changed")]
    public static partial void EncodingChanged(ILogger log, string before, string encoding, int dropped, string withAll, int kept);

    [LoggerMessage(314, LogLevel.Information, "an earlier agent was killed while it changed {What}; the change is complete now", EventName = "change-finished")]
    public static partial void ChangeFinished(ILogger log, string what);

    // 400: Registration
    [LoggerMessage(400, LogLevel.Information, "socket {Path}, mode {Mode}: at most {MaxPeers} peers, idle ones closed after {IdleTimeout} s",
        EventName = "registration-listening")]
    public static partial void RegistrationListening(ILogger log, string path, string mode, int maxPeers, int idleTimeout);

    [LoggerMessage(401, LogLevel.Information, "socket {Path}, held by systemd (descriptor {Descriptor})", EventName = "registration-inherited")]
    public static partial void RegistrationInherited(ILogger log, string path, int descriptor);

    [LoggerMessage(402, LogLevel.Information, "slot {Slot}: connection {ConnId} of pid {Pid} (uid {Uid}) registered, {Src} > {Dst}, SUP {SupSrc} > {SupDst}",
        EventName = "registered")]
    public static partial void Registered(ILogger log, uint connId, int pid, uint uid, int slot, Ipv4Address src, Ipv4Address dst,
        Ipv4Address supSrc, Ipv4Address supDst);

    [LoggerMessage(403, LogLevel.Information, "slot {Slot}: connection {ConnId} of pid {Pid} (uid {Uid}) deregistered", EventName = "deregistered")]
    public static partial void Deregistered(ILogger log, uint connId, int pid, uint uid, int slot);

    [LoggerMessage(404, LogLevel.Warning, "pid {Pid} (uid {Uid}) deregisters connection {ConnId}, which it has not registered; nothing changed",
        EventName = "not-registered")]
    public static partial void NotRegistered(ILogger log, uint connId, int pid, uint uid);

    [LoggerMessage(405, LogLevel.Information, "pid {Pid} (uid {Uid}) ended; its {Connections} connections are deregistered", EventName = "process-ended")]
    public static partial void ProcessEnded(ILogger log, int pid, uint uid, int connections);

    [LoggerMessage(406, LogLevel.Warning, "bad request of pid {Pid} (uid {Uid}): {Reason}; its socket is closed", EventName = "bad-request")]
    public static partial void BadRequest(ILogger log, int pid, uint uid, string reason);

    [LoggerMessage(408, LogLevel.Warning, "connection {ConnId} of pid {Pid} (uid {Uid}) refused: {Reason}", EventName = "register-refused")]
    public static partial void RegisterRefused(ILogger log, uint connId, int pid, uint uid, string reason);

    [LoggerMessage(409, LogLevel.Warning, "slot {Slot}: connection {ConnId} of pid {Pid} has an address 0.0.0.0 ({Src} > {Dst}): its GID is not IPv4; check NCCL_IB_GID_INDEX",
        EventName = "any-address")]
    public static partial void AnyAddress(ILogger log, int slot, uint connId, int pid, Ipv4Address src, Ipv4Address dst);

    [LoggerMessage(410, LogLevel.Warning, "the socket of pid {Pid} (uid {Uid}) is closed to make room: {Reason}", EventName = "peer-dropped")]
    public static partial void PeerDroppedForRoom(ILogger log, int pid, uint uid, string reason);

    [LoggerMessage(411, LogLevel.Warning, "no new peer can be let in for a moment: {Reason}", EventName = "accept-paused")]
    public static partial void AcceptPaused(ILogger log, string reason);

    [LoggerMessage(412, LogLevel.Debug, "the socket of pid {Pid} (uid {Uid}) was idle for {IdleTimeout} s and is closed", EventName = "peer-idle")]
    public static partial void PeerIdle(ILogger log, int pid, uint uid, int idleTimeout);

    [LoggerMessage(413, LogLevel.Information, "pid {Pid} (uid {Uid}) ended while no agent was running; its {Connections} connections are deregistered",
        EventName = "process-ended-meanwhile")]
    public static partial void ProcessEndedMeanwhile(ILogger log, int pid, uint uid, int connections);

    [LoggerMessage(414, LogLevel.Warning, "slot {Slot}: shared from now on by all flows for which there is no other, connection {ConnId} of pid {Pid} (uid {Uid}) the first: "
        + "{Reason}. Any number may join; one hint holds for all of them. End jobs that need no slots, or raise SlotsPerUser where that is the reason",
        EventName = "slot-shared")]
    public static partial void SlotShared(ILogger log, int slot, uint connId, int pid, uint uid, string reason);

    [LoggerMessage(415, LogLevel.Warning, "[Registration] {Setting} = {Value} is not used: systemd made the socket {Path}, as its unit says",
        EventName = "registration-setting-not-used")]
    public static partial void RegistrationSettingNotUsed(ILogger log, string setting, string value, string path);

    // 500: Control
    [LoggerMessage(500, LogLevel.Information, "control FIFO {Path}, mode {Mode}", EventName = "control-listening")]
    public static partial void ControlListening(ILogger log, string path, string mode);

    [LoggerMessage(501, LogLevel.Information, "control FIFO {Path}, held by systemd (descriptor {Descriptor})", EventName = "control-inherited")]
    public static partial void ControlInherited(ILogger log, string path, int descriptor);

    [LoggerMessage(502, LogLevel.Warning, "the control FIFO is at {Path}: {Reason}", EventName = "control-elsewhere")]
    public static partial void ControlElsewhere(ILogger log, string path, string reason);

    [LoggerMessage(503, LogLevel.Information, "control FIFO {Path} is not given to group {Group} ({Reason}); its owner and root can write to it",
        EventName = "control-group-missing")]
    public static partial void ControlGroupMissing(ILogger log, string path, string group, string reason);

    [LoggerMessage(504, LogLevel.Warning, "command \"{Line}\" refused: {Reason}; nothing changed", EventName = "command-refused")]
    public static partial void CommandRefused(ILogger log, string line, string reason);

    [LoggerMessage(505, LogLevel.Error, "a command was not carried out: the system gives the agent no more memory", EventName = "command-without-memory")]
    public static partial void CommandWithoutMemory(ILogger log);

    [LoggerMessage(506, LogLevel.Warning, "[Control] {Setting} = {Value} is not used: systemd made the FIFO {Path}, as its unit says", EventName = "control-setting-not-used")]
    public static partial void ControlSettingNotUsed(ILogger log, string setting, string value, string path);

    // 600: Policy
    [LoggerMessage(600, LogLevel.Information, "policy {Policy} is in charge", EventName = "policy-in-charge")]
    public static partial void PolicyInCharge(ILogger log, string policy);

    [LoggerMessage(601, LogLevel.Debug, "{SharePercent:0.0}% on SUP: {Reason}", EventName = "split-decided")]
    public static partial void SplitDecided(ILogger log, double sharePercent, string reason);

    [LoggerMessage(602, LogLevel.Information, "{SharePercent:0.#}% on SUP by policy {Policy}: {Reason}", EventName = "split-moved")]
    public static partial void SplitMoved(ILogger log, double sharePercent, string policy, string reason);

    [LoggerMessage(603, LogLevel.Information, "policy {Policy}: {Reason}; {Flows} flows, {Connections} connections, initial hint {Hint}", EventName = "policy-status")]
    public static partial void PolicyStatus(ILogger log, string policy, string reason, int flows, int connections, uint hint);

    // 610 to 629: the rails that a policy looks at
    [LoggerMessage(610, LogLevel.Information, "{Rail} rail {Device}: {What}; {State}, {Rate}", EventName = "rail-found")]
    public static partial void RailFound(ILogger log, string rail, string device, string what, string state, string rate);

    [LoggerMessage(611, LogLevel.Warning, "{Rail} rail {Device}: {Reason}", EventName = "rail-missing")]
    public static partial void RailMissing(ILogger log, string rail, string device, string reason);

    [LoggerMessage(612, LogLevel.Warning, "{Rail} rail {Device}: {Reason}", EventName = "rail-caveat")]
    public static partial void RailCaveat(ILogger log, string rail, string device, string reason);

    [LoggerMessage(613, LogLevel.Warning, "{Rail} rail {Device}: the device is gone; it counts as down until it is back; found: {Found}", EventName = "rail-lost")]
    public static partial void RailLost(ILogger log, string rail, string device, string found);

    [LoggerMessage(614, LogLevel.Warning, "{Rail} rail {Device}: the link is down", EventName = "rail-down")]
    public static partial void RailDown(ILogger log, string rail, string device);

    [LoggerMessage(615, LogLevel.Information, "{Rail} rail {Device}: the link is up, {Rate}", EventName = "rail-up")]
    public static partial void RailUp(ILogger log, string rail, string device, string rate);

    [LoggerMessage(616, LogLevel.Information, "{Rail} rail {Device}: {Rate} now, {Before} before", EventName = "rail-rate")]
    public static partial void RailRate(ILogger log, string rail, string device, string rate, string before);

    [LoggerMessage(617, LogLevel.Warning, "{Rail} rail {Device}: no counter of what it sends: {Path} cannot be read ({Reason})",
        EventName = "rail-counter-missing")]
    public static partial void RailCounterMissing(ILogger log, string rail, string device, string path, string reason);

    [LoggerMessage(618, LogLevel.Information, "{Rail} rail {Device}: its counter can be read again", EventName = "rail-counter-back")]
    public static partial void RailCounterBack(ILogger log, string rail, string device);

    [LoggerMessage(619, LogLevel.Information, "{Rail} rail {Device}: its counter was reset; the measurement starts again", EventName = "rail-counter-reset")]
    public static partial void RailCounterReset(ILogger log, string rail, string device);

    [LoggerMessage(620, LogLevel.Information, "{Rail} rail {Device}: its counter has 32 bits and wraps, which is allowed for", EventName = "rail-counter-wraps")]
    public static partial void RailCounterWraps(ILogger log, string rail, string device);

    [LoggerMessage(621, LogLevel.Warning, "{Rail} rail {Device}: its counter has not moved for {Seconds} s, though the link is up, a share goes over it, "
        + "and the other rail has sent meanwhile", EventName = "rail-counter-frozen")]
    public static partial void RailCounterFrozen(ILogger log, string rail, string device, int seconds);

    [LoggerMessage(622, LogLevel.Warning, "{Discarded} of the last {Readings} readings of the rails' counters took more than {Percent}% of the period of {Period} ms "
        + "and were discarded", EventName = "rail-slow")]
    public static partial void RailSlow(ILogger log, int discarded, int readings, double percent, double period);

    [LoggerMessage(623, LogLevel.Information, "the kernel does not tell of links that go down ({Reason}): the rails are read more often instead",
        EventName = "links-not-told")]
    public static partial void LinksNotTold(ILogger log, string reason);

    [LoggerMessage(624, LogLevel.Warning, "{Rail} rail {Device}: it does not answer: a read of it has lasted for {Seconds:0.0} s; it counts as down until that comes back",
        EventName = "rail-stuck")]
    public static partial void RailStuck(ILogger log, string rail, string device, double seconds);

    [LoggerMessage(625, LogLevel.Information, "{Rail} rail {Device}: it answers again", EventName = "rail-answers")]
    public static partial void RailAnswers(ILogger log, string rail, string device);

    // 700: Telemetry
    [LoggerMessage(700, LogLevel.Information, "congestion reports at {Listen}, from {Senders}, {Signed}", EventName = "telemetry-listening")]
    public static partial void TelemetryListening(ILogger log, Ipv4Endpoint listen, string senders, string signed);

    [LoggerMessage(701, LogLevel.Warning, "congestion reports refused, the last from {Sender}: {Forbidden} of senders that are not allowed, {Malformed} malformed, "
        + "{OtherVersion} of another version, {BadMac} with a wrong MAC, {Replayed} replayed or overtaken, {NoRoom} for want of room, {Dropped} dropped by the kernel; "
        + "{Accepted} accepted since the start", EventName = "telemetry-refused")]
    public static partial void TelemetryRefused(ILogger log, Ipv4Address sender, ulong forbidden, ulong malformed, ulong otherVersion, ulong badMac, ulong replayed,
        ulong noRoom, uint dropped, ulong accepted);

    [LoggerMessage(702, LogLevel.Warning, "{Path} holds no sequences of senders and is set aside as {Aside}: a report captured before now may count once more",
        EventName = "sequences-set-aside")]
    public static partial void SequencesSetAside(ILogger log, string path, string aside);

    [LoggerMessage(703, LogLevel.Warning, "cannot write {Path} ({Reason}): after a restart a report captured before may count once more",
        EventName = "sequences-not-kept")]
    public static partial void SequencesNotKept(ILogger log, string path, string reason);

    [LoggerMessage(704, LogLevel.Information, "load of the rails to {Collector}, every {Period} ms while there are flows", EventName = "telemetry-reporting")]
    public static partial void TelemetryReporting(ILogger log, Ipv4Endpoint collector, int period);

    [LoggerMessage(705, LogLevel.Warning, "a load report to {Collector} did not go out: {Reason}", EventName = "load-not-sent")]
    public static partial void LoadNotSent(ILogger log, Ipv4Endpoint collector, string reason);

    // 800: Status
    [LoggerMessage(800, LogLevel.Warning, "status {Path} cannot be written: {Reason}. mpibctl sees an older state until it can", EventName = "status-not-written")]
    public static partial void StatusNotWritten(ILogger log, string path, string reason);

    [LoggerMessage(801, LogLevel.Information, "status {Path} is written again", EventName = "status-written-again")]
    public static partial void StatusWrittenAgain(ILogger log, string path);

    // 1000: Metrics
    [LoggerMessage(1000, LogLevel.Warning, "metrics {Path} cannot be written: {Reason}. Prometheus sees none until they can",
        EventName = "metrics-not-written")]
    public static partial void MetricsNotWritten(ILogger log, string path, string reason);

    [LoggerMessage(1001, LogLevel.Information, "metrics {Path} are written again", EventName = "metrics-written-again")]
    public static partial void MetricsWrittenAgain(ILogger log, string path);
}
