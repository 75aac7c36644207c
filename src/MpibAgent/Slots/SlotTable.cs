using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Hints;
using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <summary>
/// The state: which flow has which slot, which connections hold it there, and who set its hint. Does no I/O beyond the stores of the
/// <see cref="HintRegion"/>, whose only writer it is, and of the <see cref="StateFile"/>. Changed by Registration, Control and Policy, looked at by
/// others too, all on the loop's thread. Every change is O(1), but for the end of a process, which is O(its connections), for <see cref="SetAll"/> and
/// <see cref="UnpinAll"/>, and where somebody else has to answer for a slot (<see cref="SlotHolders.TryAny"/>).
/// </summary>
/// <remarks>
/// The order of the stores, for an agent that is killed between any two of them. A registration: slot record, connection record, region. Until
/// the connection record is there, nothing was acknowledged, and a slot record without connections is undone at the next start, where a region
/// that has no addresses yet tells that its hint is still the one set before the flow. A deregistration: connection record, slot
/// record, region. What has to be stored in several places, and would be wrong by half, is a <see cref="SlotChange"/>, which the next agent
/// completes. Replies go out after the last store.
/// </remarks>
internal sealed partial class SlotTable(HintRegion region, StateFile state, HintOptions options, LimitOptions limits, EventLoop loop,
    ILogger<SlotTable> log) : IHostedService
{
    private readonly Slot[] _slots = new Slot[HintLayout.SlotCount];
    private readonly Dictionary<Flow, int> _slotOfFlow = new(HintLayout.SlotCount);
    private readonly ConnectionList _connections = new();
    private readonly UserUsage _usage = new();
    private readonly SlotHolders _holders = new();
    private SlotSet _free = SlotSet.All;

    /// <summary>
    /// Slots whose flow was found at start, in the region, and of which no connection is known: their records are lost or damaged. They keep
    /// their flow for jobs that may be running still, and are given away, lowest first, only when no slot is free.
    /// </summary>
    private SlotSet _orphans;

    /// <summary>Called after every change of flows, connections or hints.</summary>
    public event Action? Changed;

    /// <summary>The hint that a slot starts with and returns to.</summary>
    public uint InitialHint { get; private set; } = options.Initial;

    /// <summary>Whether an operator's `all HINT` is in force, so that slots of flows to come are pinned too.</summary>
    public bool IsInitialPinned { get; private set; }

    /// <summary>What it began with.</summary>
    public TableStart Start { get; private set; }

    /// <summary>What it has done.</summary>
    public TableCounts Counts { get; } = new();

    /// <summary>Slots that are not free.</summary>
    public int UsedSlots => HintLayout.SlotCount - _free.Count;

    /// <summary>Registered connections, of all flows and processes.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Takes over what an earlier agent left: the state file, or else the flows that the region names.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (state.Open())
        {
            Start = TableStart.Restored;
            FinishChange();
            RestoreState();
        }
        else
        {
            AdoptRegion();
        }

        state.Encoding = options.Encoding;
        Counts.AdoptedSlots = UsedSlots;
        return Task.CompletedTask;
    }

    /// <summary>Leaves everything as it is for the next agent, but for the hints where the settings say so.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => loop.InvokeAsync(() =>
    {
        // The end of a start that failed, and of a loop that met a bug, is no stop: jobs go on as after a crash.
        for (var slot = 0; slot < HintLayout.SlotCount && loop.IsRunning && options.OnStop == HintsOnStop.Reset; slot++)
        {
            RecordSource(slot, Unset);
            WriteHint(slot, InitialHint, HintSource.Initial);
        }
    });

    /// <summary>Whether a slot has a flow, and which.</summary>
    public bool TryGetFlow(int slot, out Flow flow)
    {
        flow = _slots[slot].Flow;
        return !_free.Contains(slot);
    }

    /// <summary>The hint that a slot has.</summary>
    public uint HintOf(int slot) => region.Read(slot).SupBw;

    /// <summary>Who set a slot's hint last.</summary>
    public HintSource SourceOf(int slot) => _slots[slot].Source;

    /// <summary>How many connections hold a slot.</summary>
    public int ConnectionsOf(int slot) => _slots[slot].Connections;

    /// <summary>The processes that have connections.</summary>
    public IEnumerable<ProcessIdentity> Processes => _connections.Processes;

    /// <summary>How many connections each process has in each slot that it holds; O(connections).</summary>
    public IEnumerable<(ProcessIdentity Process, int Slot, int Connections)> Holdings => _connections.Holdings();

    /// <summary>
    /// Gives the connection <paramref name="connId"/> of a process the slot of its flow. The same connection again gets the same slot and counts
    /// once; with another flow it moves there. When it is refused nothing has changed.
    /// </summary>
    /// <exception cref="OutOfMemoryException">The table cannot grow; nothing has changed.</exception>
    public RegisterOutcome Register(ProcessIdentity process, uint connId, Flow flow, out int slot)
    {
        var known = _connections.TryFind(process.Pid, connId, out var connection);
        if (known && HasFlow(connection, flow))
        {
            slot = _connections.SlotOf(connection);
            return RegisterOutcome.KnownAlready;
        }

        slot = -1;
        var usage = _usage.Of(process.Uid);
        if (!known && usage.Connections >= limits.ConnectionsPerUser)
        {
            return RegisterOutcome.TooManyConnections;
        }

        ReserveSharing();
        _holders.Reserve();
        if (!known)
        {
            _connections.Reserve();
            _usage.Reserve();
        }

        if (!known && !state.TryReserve(_connections.NextIndex))
        {
            return RegisterOutcome.NoRoomForState;
        }

        if (TryFindSlot(flow, out var its))
        {
            slot = its;
        }
        else if (known && CanTakeSlotAlong(connection, flow) && (usage.Slots >= limits.SlotsPerUser || !HasSlotToGive))
        {
            // It alone holds its slot and no other is to be had, so the slot changes flows with it.
            slot = _connections.SlotOf(connection);
            state.BeginChange(new SlotChange(ChangeKind.ChangeFlow, slot, InitialHint, Unset, flow));
            ForgetFlow(slot);
            RecordFlow(slot, flow, Unset);
            _slots[slot].Owner = process.Uid;
            _usage.Add(process.Uid, slots: 1, connections: 0);
            ShowFlow(slot, InitialHint);
            state.EndChange();
            Counts.Registrations++;
            Changed?.Invoke();
            return RegisterOutcome.Registered;
        }
        else if (HasSlotToGive && usage.Slots < limits.SlotsPerUser)
        {
            slot = TakeSlot();
            RecordFlow(slot, flow, _slots[slot].Source);
        }
        else if (!TryShare(out slot))
        {
            slot = -1;
            return HasSlotToGive ? RegisterOutcome.TooManySlots : RegisterOutcome.NoFreeSlot;
        }

        var isFirst = _slots[slot].Connections == 0;
        if (known)
        {
            Move(connection, process, connId, flow, slot);
        }
        else
        {
            RecordFingerprint(_connections.NextIndex, flow, slot);
            state.WriteConnection(_connections.Add(process, connId, slot, flow.Fingerprint), process, connId, slot);
            _usage.Add(process.Uid, slots: 0, connections: 1);
            Hold(slot, process.Uid, flow.Fingerprint);
        }

        if (isFirst)
        {
            // The hint stays: what was set before a job starts holds for it.
            ShowFlow(slot, region.Read(slot).SupBw);
        }

        Counts.Registrations++;
        Changed?.Invoke();
        return RegisterOutcome.Registered;
    }

    /// <summary>Gives up one connection of one process; false when that process has none of that name, and then nothing changes.</summary>
    public bool TryDeregister(int pid, uint connId, out int slot)
    {
        slot = -1;
        if (!_connections.TryFind(pid, connId, out var connection))
        {
            return false;
        }

        slot = Drop(connection);
        Counts.Deregistrations++;
        Changed?.Invoke();
        return true;
    }

    /// <summary>Gives up all connections of a process that has ended, and returns how many there were.</summary>
    public int RemoveProcess(int pid)
    {
        var count = 0;
        while (_connections.TryFirst(pid, out var connection))
        {
            Drop(connection);
            count++;
        }

        Counts.Ends += count;
        if (count > 0)
        {
            Changed?.Invoke();
        }

        return count;
    }

    /// <summary>How many connections a process has.</summary>
    public int ConnectionsOfProcess(int pid) => _connections.CountOf(pid);

    private struct Slot
    {
        public Flow Flow;
        public int Connections;
        public HintSource Source;

        /// <summary>The user whose quota it counts for, one of those who have a connection in it; null in an orphan, and in a slot that flows share.</summary>
        public uint? Owner;
    }
}
