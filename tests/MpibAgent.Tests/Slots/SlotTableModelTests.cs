using CsCheck;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Slots;

/// <summary>Random operations on the table against a model so plain that it is seen to be right: a list of connections and an array of flows.</summary>
public sealed class SlotTableModelTests
{
    private enum Operation
    {
        Register,
        Deregister,
        EndProcess,
        Restart,
        SetHint,
        SetAll,
        Unpin,
        UnpinAll,
        Steer,
    }

    /// <summary>Flows of a process that does nothing more: with them the others fill the table again and again.</summary>
    private const int QuietFlows = 230;
    private const int QuietProcess = 7;

    // Few processes and names, more flows than slots: collisions, moves and a full table all occur.
    private static readonly Gen<(Operation Operation, int Pid, uint ConnId, int Number)> Step = Gen.Select(
        Gen.Frequency((30, Gen.Const(Operation.Register)), (10, Gen.Const(Operation.Deregister)), (1, Gen.Const(Operation.EndProcess)), (1, Gen.Const(Operation.Restart)),
            (3, Gen.Const(Operation.SetHint)), (1, Gen.Const(Operation.SetAll)), (3, Gen.Const(Operation.Unpin)), (1, Gen.Const(Operation.UnpinAll)),
            (5, Gen.Const(Operation.Steer))),
        Gen.Int[1, 6],
        Gen.UInt[0, 150],
        Gen.Int[0, 300]);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_table_does_what_the_model_does(bool sharesAtTimes) => Step.Array[1, 1500].Sample(
        steps =>
        {
            using var files = new TempDirectory();
            var limits = new LimitOptions { SlotsPerUser = sharesAtTimes ? 245 : 256, Overflow = sharesAtTimes ? Overflow.Share : Overflow.Refuse };
            var all = new TestTable(files, limits);
            var model = new Model(limits);
            for (var i = 0; i < QuietFlows; i++)
            {
                Apply(all.Table, model, (Operation.Register, QuietProcess, (uint)i, 1000 + i));
            }

            foreach (var step in steps)
            {
                if (step.Operation == Operation.Restart)
                {
                    all.Dispose();
                    if (sharesAtTimes)
                    {
                        (limits.Overflow, limits.SlotsPerUser) = (step.Pid > 1 ? Overflow.Share : Overflow.Refuse, step.Number % 2 == 0 ? 256 : 245);
                    }

                    all = new TestTable(files, limits);
                }
                else
                {
                    Apply(all.Table, model, step);
                }
            }

            using var last = all;
            var (table, region) = (all.Table, all.Region);

            for (var slot = 0; slot < 256; slot++)
            {
                var entry = region.Read(slot);
                Assert.Equal((model.IsShared(slot) ? Flow.Shared : model.Flows[slot] ?? default, model.Hints[slot], 0u), (new Flow(entry.Source, entry.Destination), entry.SupBw, entry.Seq & 1));
                Assert.Equal(model.Connections.Count(c => c.Value == slot), table.ConnectionsOf(slot));
                Assert.Equal(model.Sources[slot], table.SourceOf(slot));
            }

            Assert.Equal((model.Connections.Count, model.Sharing), (table.ConnectionCount, table.SharingFlows));
        },
        iter: 200);

    private static void Apply(SlotTable table, Model model, (Operation Operation, int Pid, uint ConnId, int Number) step)
    {
        var (operation, pid, connId, number) = step;
        switch (operation)
        {
            case Operation.Register:
                var expected = model.Register(pid, connId, SlotTableTests.Flow(number));
                var outcome = table.Register(TestTable.Process(pid), connId, SlotTableTests.Flow(number), out var slot);
                Assert.Equal(expected, outcome is RegisterOutcome.Registered or RegisterOutcome.KnownAlready ? slot : null);
                break;
            case Operation.Deregister:
                Assert.Equal(model.Deregister(pid, connId), table.TryDeregister(pid, connId, out _));
                break;
            case Operation.EndProcess:
                var names = model.Connections.Keys.Where(key => key.Pid == pid).ToList();
                names.ForEach(key => model.Deregister(key.Pid, key.ConnId));
                Assert.Equal(names.Count, table.RemoveProcess(pid));
                break;
            case Operation.SetHint:
                model.Hints[number % 256] = connId;
                model.Sources[number % 256] = HintSource.Operator;
                table.SetHint(number % 256, connId, HintSource.Operator);
                break;
            case Operation.SetAll:
                Array.Fill(model.Hints, connId);
                Array.Fill(model.Sources, HintSource.Operator);
                (model.Initial, model.Unset) = (connId, HintSource.Operator);
                table.SetAll(connId, HintSource.Operator);
                break;
            case Operation.Unpin:
                model.Unpin(number % 256, keepHint: pid % 2 == 0);
                table.Unpin(number % 256, keepHint: pid % 2 == 0);
                break;
            case Operation.UnpinAll:
                (model.Initial, model.Unset) = (1, HintSource.Initial);
                for (var i = 0; i < 256; i++)
                {
                    model.Unpin(i, keepHint: pid % 2 == 0 && model.Flows[i] is not null);
                }

                table.UnpinAll(keepHints: pid % 2 == 0);
                break;
            default:
                // Flows alone are steered.
                if (model.Flows[number % 256] is not null)
                {
                    (model.Hints[number % 256], model.Sources[number % 256]) = (connId, HintSource.Policy);
                    table.Steer(number % 256, connId);
                }

                break;
        }
    }

    private sealed class Model(LimitOptions limits)
    {
        public readonly Dictionary<(int Pid, uint ConnId), int> Connections = [];
        public readonly Flow?[] Flows = new Flow?[256];
        public readonly HintSource[] Sources = new HintSource[256];
        public readonly uint[] Hints = Enumerable.Repeat(1u, 256).ToArray();
        public uint Initial = 1;
        public HintSource Unset = HintSource.Initial;
        private readonly Dictionary<(int Pid, uint ConnId), Flow> _flowOf = [];

        /// <summary>Flows that share a slot.</summary>
        public int Sharing => _flowOf.Where(entry => IsShared(Connections[entry.Key])).Select(entry => entry.Value).Distinct().Count();

        public bool IsShared(int slot) => Flows[slot] == Flow.Shared;

        public void Unpin(int slot, bool keepHint)
        {
            Sources[slot] = keepHint ? HintSource.Policy : HintSource.Initial;
            Hints[slot] = keepHint ? Hints[slot] : Initial;
        }

        public int? Register(int pid, uint connId, Flow flow)
        {
            var had = Connections.TryGetValue((pid, connId), out var old);
            if (had && _flowOf[(pid, connId)] == flow)
            {
                return old;
            }

            // All connections of a flow are in one slot.
            var slot = _flowOf.ContainsValue(flow) ? Connections[_flowOf.First(entry => entry.Value == flow).Key] : Choose(had, old);
            if (slot is not { } chosen)
            {
                return null;
            }

            if (Flows[chosen] is not null && !IsShared(chosen) && Flows[chosen] != flow)
            {
                // It takes its slot along.
                Deregister(pid, connId);
            }

            Flows[chosen] ??= flow;
            Leave(pid, connId, joined: chosen);
            Connections[(pid, connId)] = chosen;
            _flowOf[(pid, connId)] = flow;
            return chosen;
        }

        /// <summary>The slot of a flow that has none: its own, that of the connection, the shared one.</summary>
        private int? Choose(bool had, int old)
        {
            var shares = limits.Overflow == Overflow.Share;
            var shared = Array.IndexOf(Flows, Flow.Shared);
            var free = Flows.Count(flow => flow is null);
            var canHaveOwn = free > (shares && shared < 0 ? 1 : 0) && 256 - free - (shared < 0 ? 0 : 1) < limits.SlotsPerUser;
            if (canHaveOwn)
            {
                return Array.IndexOf(Flows, null);
            }

            if (had && !IsShared(old) && Connections.Count(connection => connection.Value == old) == 1)
            {
                return old;
            }

            if (!shares || (shared < 0 && free == 0))
            {
                return null;
            }

            shared = shared < 0 ? Array.LastIndexOf(Flows, null) : shared;
            Flows[shared] = Flow.Shared;
            return shared;
        }

        public bool Deregister(int pid, uint connId) => Leave(pid, connId, joined: -1);

        private bool Leave(int pid, uint connId, int joined)
        {
            _flowOf.Remove((pid, connId));
            if (!Connections.Remove((pid, connId), out var slot))
            {
                return false;
            }

            if (slot != joined && !Connections.ContainsValue(slot))
            {
                Flows[slot] = null;
                Hints[slot] = Initial;
                Sources[slot] = Unset;
            }

            return true;
        }
    }
}
