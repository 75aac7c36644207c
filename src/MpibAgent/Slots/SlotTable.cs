using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Hints;
using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <summary>
/// The state: which flow has which slot, which connections hold it there, and who set its hint. Owns no descriptor and does no I/O; it is
/// the only writer of the <see cref="HintRegion"/>. Called by Registration, Control and Policy, all on the loop's thread. Every operation is O(1),
/// but for the end of a process, which is O(its connections), and <see cref="SetAll"/>.
/// </summary>
internal sealed class SlotTable(HintRegion region, HintOptions options, ILogger<SlotTable> log) : IHostedService
{
    private readonly Slot[] _slots = new Slot[HintLayout.SlotCount];
    private readonly Dictionary<Flow, int> _slotOfFlow = new(HintLayout.SlotCount);
    private readonly ConnectionList _connections = new();
    private SlotSet _free = SlotSet.All;

    /// <summary>
    /// Slots whose flow was found in the region at start and of which no connection is known. They keep their flow for jobs that outlived an
    /// earlier agent, and are given away, lowest first, only when no slot is free.
    /// </summary>
    private SlotSet _orphans;

    /// <summary>Called after every change of flows, connections or hints.</summary>
    public event Action? Changed;

    /// <summary>The hint that a slot starts with and returns to.</summary>
    public uint InitialHint { get; private set; } = options.Initial;

    /// <summary>Slots that have a flow.</summary>
    public int FlowCount => HintLayout.SlotCount - _free.Count;

    /// <summary>Registered connections, of all flows and processes.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Takes over the flows that the region names.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            var entry = region.Read(slot);
            var flow = new Flow(entry.Source, entry.Destination);
            if (flow == default)
            {
                continue;
            }

            if (!_slotOfFlow.TryAdd(flow, slot))
            {
                // Two slots of one flow are the work of no agent; readers of either go on reading what they read.
                region.WriteEntry(slot, default, default, entry.SupBw);
                continue;
            }

            _slots[slot].Flow = flow;
            _free.Remove(slot);
            _orphans.Add(slot);
        }

        if (_orphans.Count > 0)
        {
            Log.FlowsAdopted(log, _orphans.Count);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

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

    /// <summary>
    /// Gives the connection <paramref name="connId"/> of process <paramref name="pid"/> the slot of its flow. The same connection again gets the
    /// same slot and counts once; with another flow it moves there.
    /// </summary>
    /// <returns>False when the flow has no slot and none is free; then nothing has changed.</returns>
    public bool TryRegister(int pid, uint connId, Flow flow, out int slot)
    {
        var known = _connections.TryFind(pid, connId, out var connection);
        if (known && _slots[slot = _connections.SlotOf(connection)].Flow == flow)
        {
            return true;
        }

        if (!_slotOfFlow.TryGetValue(flow, out slot))
        {
            if (known && _free.Count == 0 && _slots[_connections.SlotOf(connection)].Connections == 1)
            {
                // It moves out of the slot that it alone held, and so makes room for itself.
                Leave(_connections.SlotOf(connection));
                _connections.Remove(connection);
                known = false;
            }

            if (!TryTakeSlot(out slot))
            {
                return false;
            }

            GiveSlot(slot, flow);
        }

        if (known)
        {
            Leave(_connections.SlotOf(connection));
            _connections.Move(connection, slot);
        }
        else
        {
            _connections.Add(pid, connId, slot);
        }

        _slots[slot].Connections++;
        _orphans.Remove(slot);
        Changed?.Invoke();
        return true;
    }

    /// <summary>Gives up one connection of one process; false when that process has none of that name, and then nothing changes.</summary>
    public bool TryDeregister(int pid, uint connId, out int slot)
    {
        slot = -1;
        if (!_connections.TryFind(pid, connId, out var connection))
        {
            return false;
        }

        slot = _connections.SlotOf(connection);
        _connections.Remove(connection);
        Leave(slot);
        Changed?.Invoke();
        return true;
    }

    /// <summary>Gives up all connections of a process that has ended, and returns how many there were.</summary>
    public int RemoveProcess(int pid)
    {
        var count = 0;
        while (_connections.TryFirst(pid, out var connection))
        {
            var slot = _connections.SlotOf(connection);
            _connections.Remove(connection);
            Leave(slot);
            count++;
        }

        if (count > 0)
        {
            Changed?.Invoke();
        }

        return count;
    }

    /// <summary>How many connections a process has.</summary>
    public int ConnectionsOfProcess(int pid) => _connections.CountOf(pid);

    /// <summary>Sets the hint of one slot, whether or not it has a flow.</summary>
    public void SetHint(int slot, uint hint, HintSource source)
    {
        region.WriteHint(slot, hint);
        _slots[slot].Source = source;
        Log.HintSet(log, slot, hint, source, options.Encoding.Share(hint) * 100);
        Changed?.Invoke();
    }

    /// <summary>Sets the hint of every slot, and from now on the initial hint.</summary>
    public void SetAll(uint hint, HintSource source)
    {
        InitialHint = hint;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            region.WriteHint(slot, hint);
            _slots[slot].Source = source;
        }

        Log.AllHintsSet(log, hint, source, options.Encoding.Share(hint) * 100);
        Changed?.Invoke();
    }

    private bool TryTakeSlot(out int slot)
    {
        if (_free.TryLowest(out slot))
        {
            _free.Remove(slot);
            return true;
        }

        if (!_orphans.TryLowest(out slot))
        {
            return false;
        }

        _orphans.Remove(slot);
        ClearSlot(slot);
        return true;
    }

    /// <summary>The hint stays: what was set before a job starts holds for it.</summary>
    private void GiveSlot(int slot, Flow flow)
    {
        var hint = region.Read(slot).SupBw;
        region.WriteEntry(slot, flow.Source, flow.Destination, hint);
        _slots[slot].Flow = flow;
        _slotOfFlow.Add(flow, slot);
        Log.SlotGiven(log, slot, flow.Source, flow.Destination, hint);
    }

    /// <summary>With its last connection a flow loses its slot, and the slot its hint.</summary>
    private void Leave(int slot)
    {
        if (--_slots[slot].Connections == 0)
        {
            ClearSlot(slot);
            _free.Add(slot);
        }
    }

    private void ClearSlot(int slot)
    {
        var flow = _slots[slot].Flow;
        region.WriteEntry(slot, default, default, InitialHint);
        _slots[slot] = default;
        _slotOfFlow.Remove(flow);
        Log.SlotFreed(log, slot, flow.Source, flow.Destination, InitialHint);
    }

    private struct Slot
    {
        public Flow Flow;
        public int Connections;
        public HintSource Source;
    }
}
