using System.Runtime.InteropServices;

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

    /// <summary>Any connection of a process.</summary>
    public bool TryFirst(int pid, out int connection)
    {
        var found = _byProcess.TryGetValue(pid, out var chain);
        connection = found ? chain.First : None;
        return found;
    }

    public int SlotOf(int connection) => _connections[connection].Slot;

    public void Move(int connection, int slot) => _connections[connection].Slot = slot;

    /// <summary>Adds a connection that is not there yet.</summary>
    public void Add(int pid, uint connId, int slot)
    {
        var index = TakeIndex();
        ref var chain = ref CollectionsMarshal.GetValueRefOrAddDefault(_byProcess, pid, out var exists);
        if (!exists)
        {
            chain.First = None;
        }

        _connections[index] = new Connection { Pid = pid, ConnId = connId, Slot = slot, Previous = None, Next = chain.First };
        if (chain.First != None)
        {
            _connections[chain.First].Previous = index;
        }

        chain.First = index;
        chain.Count++;
        _byName.Add((pid, connId), index);
    }

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

    private int TakeIndex()
    {
        if (_firstUnused != None)
        {
            var index = _firstUnused;
            _firstUnused = _connections[index].Next;
            return index;
        }

        if (_used == _connections.Length)
        {
            Array.Resize(ref _connections, _used * 2);
        }

        return _used++;
    }

    private struct Chain
    {
        public int First;
        public int Count;
    }

    private struct Connection
    {
        public int Pid;
        public uint ConnId;
        public int Slot;
        public int Previous;
        public int Next;
    }
}
