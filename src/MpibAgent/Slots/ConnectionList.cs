using System.Runtime.InteropServices;
using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <summary>
/// The connections of the <see cref="SlotTable"/>, found by (process, conn_id) and chained per process. They live in one array, linked by
/// index, so tens of thousands of them are one object to the garbage collector and none is allocated on its own.
/// </summary>
internal sealed class ConnectionList
{
    private const int None = -1;

    private readonly Dictionary<(int Pid, uint ConnId), int> _byName = new(1024);
    private readonly Dictionary<int, Chain> _byProcess = [];
    private Connection[] _connections = new Connection[1024];
    private int _used;
    private int _firstUnused = None;

    /// <summary>All connections.</summary>
    public int Count => _byName.Count;

    /// <summary>The connections of one process.</summary>
    public int CountOf(int pid) => _byProcess.TryGetValue(pid, out var chain) ? chain.Count : 0;

    public bool TryFind(int pid, uint connId, out int connection) => _byName.TryGetValue((pid, connId), out connection);

    /// <summary>Where the next connection goes.</summary>
    public int NextIndex => _firstUnused != None ? _firstUnused : _used;

    /// <summary>The processes that have connections.</summary>
    public IEnumerable<ProcessIdentity> Processes => _byProcess.Values.Select(chain => chain.Process);

    /// <summary>Any connection of a process.</summary>
    public bool TryFirst(int pid, out int connection)
    {
        var found = _byProcess.TryGetValue(pid, out var chain);
        connection = found ? chain.First : None;
        return found;
    }

    /// <summary>How many connections each process has in each slot that it holds; looks at all of them.</summary>
    public IEnumerable<(ProcessIdentity Process, int Slot, int Connections)> Holdings()
    {
        var counts = new int[HintLayout.SlotCount];
        var held = new List<int>();
        foreach (var chain in _byProcess.Values)
        {
            for (var connection = chain.First; connection != None; connection = _connections[connection].Next)
            {
                if (counts[_connections[connection].Slot]++ == 0)
                {
                    held.Add(_connections[connection].Slot);
                }
            }

            foreach (var slot in held)
            {
                yield return (chain.Process, slot, counts[slot]);
                counts[slot] = 0;
            }

            held.Clear();
        }
    }

    public int SlotOf(int connection) => _connections[connection].Slot;

    /// <summary>The <see cref="Flow.Fingerprint"/> of its flow, where flows share its slot; elsewhere without a meaning.</summary>
    public uint FingerprintOf(int connection) => _connections[connection].Fingerprint;

    /// <summary>The process that holds a connection, as it was when its first one came.</summary>
    public ProcessIdentity ProcessOf(int connection) => _byProcess[_connections[connection].Pid].Process;

    public void Move(int connection, int slot, uint fingerprint) => (_connections[connection].Slot, _connections[connection].Fingerprint) = (slot, fingerprint);

    /// <summary>Makes room for one more, so that <see cref="Add"/> takes no memory.</summary>
    public void Reserve()
    {
        if (_byName.Count == _byName.Capacity)
        {
            _byName.EnsureCapacity(2 * _byName.Count);
        }

        if (_byProcess.Count == _byProcess.Capacity)
        {
            _byProcess.EnsureCapacity(Math.Max(16, 2 * _byProcess.Count));
        }

        if (NextIndex >= _connections.Length)
        {
            Array.Resize(ref _connections, 2 * _connections.Length);
        }
    }

    /// <summary>Adds a connection that is not there yet, where <see cref="Reserve"/> has made room, and returns where it is.</summary>
    public int Add(ProcessIdentity process, uint connId, int slot, uint fingerprint)
    {
        var index = NextIndex;
        if (index == _firstUnused)
        {
            _firstUnused = _connections[index].Next;
        }
        else
        {
            _used++;
        }

        Link(index, process, connId, slot, fingerprint);
        return index;
    }

    /// <summary>
    /// Puts connections back where they were: called with each index in ascending order, and what was there, before anything is added. False when the
    /// name is there already, or its pid is another process's.
    /// </summary>
    public bool TryRestore(int index, ProcessIdentity process, uint connId, int slot, uint fingerprint)
    {
        if (_byName.ContainsKey((process.Pid, connId)) || (_byProcess.TryGetValue(process.Pid, out var chain) && chain.Process != process))
        {
            return false;
        }

        SkipTo(index);
        _used++;
        Grow();
        Link(index, process, connId, slot, fingerprint);
        return true;
    }

    /// <summary>What lies between the connections that were restored is free.</summary>
    private void SkipTo(int index)
    {
        while (_used < index)
        {
            _used++;
            Grow();
            _connections[_used - 1].Next = _firstUnused;
            _firstUnused = _used - 1;
        }
    }

    private void Grow()
    {
        if (_used > _connections.Length)
        {
            Array.Resize(ref _connections, Math.Max(_used, _connections.Length * 2));
        }
    }

    private void Link(int index, ProcessIdentity process, uint connId, int slot, uint fingerprint)
    {
        ref var chain = ref CollectionsMarshal.GetValueRefOrAddDefault(_byProcess, process.Pid, out var exists);
        if (!exists)
        {
            chain.Process = process;
            chain.First = None;
        }

        _connections[index] = new Connection { Pid = process.Pid, ConnId = connId, Slot = slot, Fingerprint = fingerprint, Previous = None, Next = chain.First };
        if (chain.First != None)
        {
            _connections[chain.First].Previous = index;
        }

        chain.First = index;
        chain.Count++;
        _byName.Add((process.Pid, connId), index);
    }

    /// <summary>Removes a connection; its place is the next to be given.</summary>
    public void Remove(int connection)
    {
        ref var gone = ref _connections[connection];
        _byName.Remove((gone.Pid, gone.ConnId));
        ref var chain = ref CollectionsMarshal.GetValueRefOrNullRef(_byProcess, gone.Pid);
        if (gone.Previous == None)
        {
            chain.First = gone.Next;
        }
        else
        {
            _connections[gone.Previous].Next = gone.Next;
        }

        if (gone.Next != None)
        {
            _connections[gone.Next].Previous = gone.Previous;
        }

        if (--chain.Count == 0)
        {
            _byProcess.Remove(gone.Pid);
        }

        gone.Next = _firstUnused;
        _firstUnused = connection;
    }

    private struct Chain
    {
        public ProcessIdentity Process;
        public int First;
        public int Count;
    }

    private struct Connection
    {
        public int Pid;
        public uint ConnId;
        public int Slot;
        public uint Fingerprint;
        public int Previous;
        public int Next;
    }
}
