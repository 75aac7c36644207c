namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// What the agent must know of connections, by what it has acknowledged: a request without a reply may count or not. Clients tell it what they ask
/// before they ask; any thread may.
/// </summary>
/// <param name="slotLimit">So many slots are given at most, the lowest free first, so no slot's number reaches this.</param>
internal sealed class ConnectionModel(int slotLimit)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Pid, uint Name), Connection> _connections = [];
    private bool _isClosed;

    /// <summary>The slot that flows share beyond the limit; null where they are refused.</summary>
    public int? SharedSlot { get; init; }

    /// <summary>Flows that are registered and have no slot of their own in the region: they share one.</summary>
    public int SharingFlows(SlotBytes[] region)
    {
        lock (_gate)
        {
            return _connections.Values.Where(connection => connection.IsRegistered).Select(connection => connection.Flow)
                .Except(region.Select(RegionFile.Flow)).Count();
        }
    }

    /// <summary>Requests that have ended.</summary>
    public int Operations { get; private set; }

    /// <summary>Requests of which nobody knows.</summary>
    public int Doubts { get; private set; }

    /// <summary>From now on no request may begin, until <see cref="Open"/>.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
        }
    }

    /// <inheritdoc cref="Close"/>
    public void Open()
    {
        lock (_gate)
        {
            _isClosed = false;
        }
    }

    /// <summary>A process is about to ask for a flow for some of its connections, or to release them. False when it may not.</summary>
    public bool TryBegin(int pid, uint first, int count, int flow)
    {
        lock (_gate)
        {
            for (var i = 0u; i < count && !_isClosed; i++)
            {
                if (!_connections.TryGetValue((pid, first + i), out var connection))
                {
                    _connections.Add((pid, first + i), connection = new Connection());
                }

                connection.Begin(flow);
            }

            return !_isClosed;
        }
    }

    /// <summary>What became of that, for each connection.</summary>
    public bool End(int pid, uint first, int flow, Reply[] replies)
    {
        lock (_gate)
        {
            for (var i = 0u; i < replies.Length; i++)
            {
                var connection = _connections[(pid, first + i)];
                connection.End(flow, replies[i]);
                Operations++;
                Doubts += replies[i].Kind == ReplyKind.InDoubt ? 1 : 0;
                if (connection.IsRegistered && replies[i].Kind == ReplyKind.Done)
                {
                    CheckSlot(connection);
                }
            }

            return true;
        }
    }

    /// <summary>A process has ended, and its connections with it.</summary>
    public void Remove(int pid)
    {
        lock (_gate)
        {
            foreach (var key in _connections.Keys.Where(key => key.Pid == pid).ToList())
            {
                _connections.Remove(key);
            }
        }
    }

    /// <summary>The connections of a process that are, or may be, registered.</summary>
    public (uint Name, Connection Connection)[] Of(int pid)
    {
        lock (_gate)
        {
            return [.. _connections.Where(entry => entry.Key.Pid == pid && entry.Value.Flow != Connection.None)
                .Select(entry => (entry.Key.Name, entry.Value))];
        }
    }

    /// <summary>The fewest and the most connections that the agent may know.</summary>
    public (int Fewest, int Most) Count
    {
        get
        {
            lock (_gate)
            {
                return (_connections.Values.Count(connection => !connection.MayHave(Connection.None)),
                    _connections.Values.Count(connection => connection.Flow != Connection.None));
            }
        }
    }

    /// <summary>The agent has said how many it knows, with no request under way: perhaps all, or none, of those in doubt.</summary>
    public void Learn(int count)
    {
        var (fewest, most) = Count;
        Assert.True(count >= fewest && count <= most, $"the agent knows {count} connections, expected {fewest} to {most}");
        lock (_gate)
        {
            foreach (var connection in _connections.Values.Where(connection => connection.IsInDoubt && connection.MayHave(Connection.None)
                && (count == fewest || count == most)))
            {
                connection.Learn(isRegistered: count == most);
            }
        }
    }

    /// <summary>
    /// Holds the region against what was acknowledged, with no request under way: each acknowledged connection's flow is in the slot that it was told,
    /// and no flow is there without a connection that may have it.
    /// </summary>
    public void CheckRegion(SlotBytes[] region)
    {
        lock (_gate)
        {
            foreach (var ((pid, name), connection) in _connections.Where(entry => entry.Value.Slot >= 0))
            {
                Assert.True(connection.Slot == SharedSlot ? region[connection.Slot].IsShared : RegionFile.Flow(region[connection.Slot]) == connection.Flow,
                    $"connection {name} of pid {pid} is acknowledged, {connection}; the region has {region[connection.Slot]} there");
            }

            for (var slot = 0; slot < RegionFile.Slots; slot++)
            {
                if (region[slot].IsShared)
                {
                    Assert.True(slot == SharedSlot && _connections.Values.Any(connection => connection.Slot == slot || (connection.Slot < 0 && connection.Flow != Connection.None)),
                        $"slot {slot}: the region says that flows share it, and nobody does");
                }
                else if (!region[slot].IsFree)
                {
                    var flow = RegionFile.Flow(region[slot]);
                    Assert.True(flow is { } number && _connections.Values.Any(connection => connection.MayHave(number)),
                        $"slot {slot}: nobody has the flow that the region shows, {region[slot]}");
                    Assert.True(region.Count(other => !other.IsFree && RegionFile.Flow(other) == flow) == 1, $"two slots of flow {flow}");
                }
            }
        }
    }

    /// <summary>The slots whose flow has been held, without a moment's break, since <see cref="Anchor"/>.</summary>
    public HashSet<int> AnchoredSlots
    {
        get
        {
            lock (_gate)
            {
                return [.. _connections.Values.Where(connection => connection.IsAnchored).Select(connection => connection.Slot)];
            }
        }
    }

    public void Anchor()
    {
        lock (_gate)
        {
            foreach (var connection in _connections.Values)
            {
                connection.Anchor();
            }
        }
    }

    /// <summary>All connections of a flow have one slot, and no two flows share one, but for the one that is shared.</summary>
    private void CheckSlot(Connection told)
    {
        Assert.True((told.Slot >= 0 && told.Slot < slotLimit) || told.Slot == SharedSlot, $"{told}; expected one of the {slotLimit} lowest slots");
        foreach (var other in _connections.Values)
        {
            if (other.Slot >= 0 && other.IsRegistered && (other.Flow == told.Flow) != (other.Slot == told.Slot)
                && !(told.Slot == SharedSlot && other.Slot == SharedSlot))
            {
                Assert.Fail($"told {told}, while another was told {other}");
            }
        }
    }
}
