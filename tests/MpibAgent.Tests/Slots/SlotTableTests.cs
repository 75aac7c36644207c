using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Slots;

public sealed class SlotTableTests : IDisposable
{
    private readonly TempDirectory _files = new();
    private readonly CapturedLog _log = new();
    private readonly LimitOptions _limits = new() { SlotsPerUser = 256 };
    private TestTable _all;

    public SlotTableTests() => _all = new TestTable(_files, _limits, _log);

    private SlotTable _table => _all.Table;

    private HintRegion _region => _all.Region;

    public void Dispose()
    {
        _all.Dispose();
        _files.Dispose();
    }

    [Fact]
    public void Flows_get_the_lowest_free_slot()
    {
        Assert.Equal([0, 1, 2], [Register(1, 1, Flow(1)), Register(1, 2, Flow(2)), Register(1, 3, Flow(3))]);
        Assert.True(_table.TryDeregister(1, 2, out _));
        Assert.True(_table.TryDeregister(1, 1, out _));
        Assert.Equal([0, 1, 3], [Register(1, 4, Flow(4)), Register(1, 5, Flow(5)), Register(1, 6, Flow(6))]);
    }

    [Fact]
    public void Connections_of_one_flow_share_its_slot_and_the_last_one_frees_it()
    {
        Assert.Equal(0, Register(1, 1, Flow(1)));
        Assert.Equal(0, Register(2, 1, Flow(1)));
        Assert.True(_table.TryDeregister(1, 1, out _));
        Assert.True(_table.TryGetFlow(0, out _));
        Assert.True(_table.TryDeregister(2, 1, out _));
        Assert.False(_table.TryGetFlow(0, out _));
        Assert.Equal(default, _region.Read(0).Source);
    }

    [Fact]
    public void The_same_connection_again_counts_once()
    {
        Assert.Equal(Register(1, 1, Flow(1)), Register(1, 1, Flow(1)));
        Assert.Equal(1, _table.ConnectionCount);
        Assert.True(_table.TryDeregister(1, 1, out _));
        Assert.Equal(0, _table.FlowCount);
    }

    [Fact]
    public void A_connection_registered_with_another_flow_moves_there()
    {
        Register(1, 1, Flow(1));
        Assert.Equal(1, Register(1, 1, Flow(2)));
        Assert.False(_table.TryGetFlow(0, out _));
        Assert.Equal((1, 1), (_table.FlowCount, _table.ConnectionCount));
    }

    [Fact]
    public void A_full_table_refuses_another_flow_until_a_slot_is_free()
    {
        Fill();
        Assert.Equal(RegisterOutcome.NoFreeSlot, _table.Register(TestTable.Process(1), 1000, Flow(1000), out _));
        Assert.Equal(256, _table.ConnectionCount);
        Assert.Equal(7, Register(1, 1001, Flow(7)));
        Assert.True(_table.TryDeregister(1, 1001, out _));
        Assert.True(_table.TryDeregister(1, 99, out _));
        Assert.Equal(99, Register(1, 1000, Flow(1000)));
    }

    [Fact]
    public void In_a_full_table_a_connection_alone_in_its_flow_can_still_move()
    {
        Fill();
        Assert.Equal(200, Register(1, 200, Flow(1000)));
        Assert.True(_table.TryGetFlow(200, out var flow));
        Assert.Equal(Flow(1000), flow);
        Assert.Equal(257, _table.Counts.Registrations);
    }

    [Fact]
    public void A_move_that_finds_no_slot_changes_nothing()
    {
        Fill();
        Register(2, 5, Flow(5));
        Assert.Equal(RegisterOutcome.NoFreeSlot, _table.Register(TestTable.Process(2), 5, Flow(1000), out _));
        Assert.Equal(2, _table.ConnectionsOf(5));
        Assert.True(_table.TryDeregister(2, 5, out var slot));
        Assert.Equal(5, slot);
    }

    [Fact]
    public void What_a_process_did_not_register_it_cannot_deregister()
    {
        Register(1, 1, Flow(1));
        Assert.False(_table.TryDeregister(2, 1, out _));
        Assert.False(_table.TryDeregister(1, 2, out _));
        Assert.Equal(1, _table.ConnectionCount);
    }

    [Fact]
    public void The_end_of_a_process_takes_its_connections_and_no_others()
    {
        Register(1, 1, Flow(1));
        Register(1, 2, Flow(2));
        Register(2, 1, Flow(2));
        Assert.Equal(2, _table.RemoveProcess(1));
        Assert.Equal(0, _table.RemoveProcess(1));
        Assert.Equal((1, 1), (_table.FlowCount, _table.ConnectionCount));
        Assert.Equal(1, _table.ConnectionsOf(1));
    }

    [Fact]
    public void A_hint_set_before_a_flow_comes_holds_for_it_and_goes_with_it()
    {
        _table.SetHint(0, 5, HintSource.Operator);
        Register(1, 1, Flow(1));
        Assert.Equal((5u, HintSource.Operator), (_table.HintOf(0), _table.SourceOf(0)));
        _table.TryDeregister(1, 1, out _);
        Assert.Equal((1u, HintSource.Initial), (_table.HintOf(0), _table.SourceOf(0)));
    }

    [Fact]
    public void All_sets_every_slot_and_the_initial_hint()
    {
        Register(1, 1, Flow(1));
        _table.SetAll(8, HintSource.Operator);
        Assert.All(Enumerable.Range(0, 256), slot => Assert.Equal(8u, _table.HintOf(slot)));
        _table.SetHint(0, 5, HintSource.Operator);
        _table.TryDeregister(1, 1, out _);
        Assert.Equal(8u, _table.HintOf(0));
    }

    [Fact]
    public void Every_change_of_a_hint_is_told_but_for_those_of_a_policy()
    {
        var told = 0;
        _table.Changed += () => told++;
        _table.SetHint(0, 5, HintSource.Operator);
        Assert.Equal(1, told);
        _table.Unpin(0, keepHint: false);
        Assert.Equal(2, told);
        _table.SetAll(6, HintSource.Operator);
        Assert.Equal(3, told);
        _table.UnpinAll(keepHints: false);
        Assert.Equal(4, told);
        _table.Steer(0, 7);
        Assert.Equal(4, told);
    }

    [Fact]
    public void The_flow_from_nowhere_to_nowhere_is_a_flow_like_any_other()
    {
        Assert.Equal(0, Register(1, 1, default));
        Assert.Equal(1, Register(1, 2, Flow(1)));
        Assert.Equal(0, Register(1, 3, default));
        _table.RemoveProcess(1);
        Assert.Equal(0, _table.FlowCount);
    }

    [Fact]
    public void Flows_found_in_the_region_keep_their_slots()
    {
        Fill();
        _table.SetHint(200, 77, HintSource.Operator);
        RestartWithoutState();

        Assert.Equal((256, 0), (_table.FlowCount, _table.ConnectionCount));
        Assert.Equal(200, Register(1, 1, Flow(200)));
        Assert.Equal(77u, _table.HintOf(200));
    }

    [Fact]
    public void Slots_that_nobody_is_known_to_hold_are_given_away_when_no_other_is_free()
    {
        Fill();
        RestartWithoutState();
        Assert.Equal(0, Register(1, 1, Flow(0)));
        Assert.Equal(1, Register(1, 2, Flow(1000)));
        Assert.Equal(2, Register(1, 3, Flow(1)));
        Assert.Equal(256, _table.FlowCount);
    }

    [Fact]
    public void A_flow_named_twice_in_the_region_keeps_the_lower_slot()
    {
        _region.WriteEntry(3, Flow(1).Source, Flow(1).Destination, 6);
        _region.WriteEntry(9, Flow(1).Source, Flow(1).Destination, 7);
        RestartWithoutState();
        Assert.Equal(3, Register(1, 1, Flow(1)));
        Assert.Equal((7u, default(Ipv4Address)), (_region.Read(9).SupBw, _region.Read(9).Source));
    }

    [Fact]
    public void A_users_slots_and_connections_are_limited_and_others_are_not_harmed()
    {
        (_limits.SlotsPerUser, _limits.ConnectionsPerUser) = (2, 5);
        Register(1, 1, Flow(1));
        Register(1, 2, Flow(2));
        Assert.Equal(RegisterOutcome.TooManySlots, _table.Register(TestTable.Process(1), 3, Flow(3), out _));
        Assert.Equal(RegisterOutcome.TooManySlots, _table.Register(TestTable.Process(2), 3, Flow(3), out _));
        Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(9, uid: 7), 3, Flow(3), out _));

        Register(1, 3, Flow(3));
        Register(2, 1, Flow(1));
        Register(2, 2, Flow(1));
        Assert.Equal(RegisterOutcome.TooManyConnections, _table.Register(TestTable.Process(2), 3, Flow(1), out _));
        Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(2), 2, Flow(2), out _));
        Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(9, uid: 7), 4, Flow(1), out _));

        // What goes makes room again, also when the slot outlives its user's part in it.
        _table.RemoveProcess(1);
        Assert.Equal(2, _table.FlowCount - _table.ConnectionsOf(2));
        _table.RemoveProcess(2);
        _table.RemoveProcess(9);
        Register(3, 1, Flow(5));
        Register(3, 2, Flow(6));
        Assert.Equal(RegisterOutcome.TooManySlots, _table.Register(TestTable.Process(3), 3, Flow(7), out _));
    }

    [Fact]
    public void A_slot_counts_for_one_of_those_who_hold_it_and_not_for_one_who_is_gone()
    {
        _limits.SlotsPerUser = 4;
        for (var n = 0; n < 4; n++)
        {
            Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(1, uid: 1), (uint)n, Flow(n), out _));
            Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(2, uid: 2), (uint)n, Flow(n), out _));
        }

        // They are the first user's, so the second has four more; and when the first is gone they are the second's, who has more than enough then.
        Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(2, uid: 2), 10, Flow(10), out _));
        _table.RemoveProcess(1);
        Assert.Equal(RegisterOutcome.TooManySlots, _table.Register(TestTable.Process(2, uid: 2), 11, Flow(11), out _));
        for (var n = 0; n < 4; n++)
        {
            Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(3, uid: 1), (uint)n, Flow(20 + n), out _));
        }

        // Five held, and one given up for another: no more than that.
        Assert.Equal(RegisterOutcome.Registered, _table.Register(TestTable.Process(2, uid: 2), 0, Flow(30), out _));
        Assert.Equal(RegisterOutcome.TooManySlots, _table.Register(TestTable.Process(2, uid: 2), 12, Flow(31), out _));
        Assert.Equal(9, _table.FlowCount);

        _table.RemoveProcess(2);
        _table.RemoveProcess(3);
        for (var n = 0; n < 8; n++)
        {
            Assert.Equal(n < 4 ? RegisterOutcome.Registered : RegisterOutcome.TooManySlots, _table.Register(TestTable.Process(4, uid: 2), (uint)n, Flow(n), out _));
        }
    }

    [Fact]
    public void At_its_limit_a_connection_alone_in_its_flow_can_still_move()
    {
        _limits.SlotsPerUser = 1;
        Assert.Equal(0, Register(1, 1, Flow(1)));
        Assert.Equal(0, Register(1, 1, Flow(2)));
        Assert.Equal(RegisterOutcome.TooManySlots, _table.Register(TestTable.Process(1), 2, Flow(3), out _));
    }

    [Fact]
    public void One_slots_life_is_in_the_log()
    {
        Register(1, 1, Flow(1));
        _table.SetHint(0, 2, HintSource.Operator);
        _table.TryDeregister(1, 1, out _);
        Assert.Equal(["slot-given", "hint-set", "slot-freed"], _log.Lines.Select(line => line.Event).Where(name => name.Contains('-', StringComparison.Ordinal)).TakeLast(3));
    }

    internal static Flow Flow(int n) => new(new Ipv4Address(0x0100000A), new Ipv4Address((uint)n + 1));

    private int Register(int pid, uint connId, Flow flow)
    {
        Assert.True(_table.Register(TestTable.Process(pid), connId, flow, out var slot) is RegisterOutcome.Registered or RegisterOutcome.KnownAlready);
        return slot;
    }

    private void Fill()
    {
        for (var i = 0; i < 256; i++)
        {
            Assert.Equal(i, Register(1, (uint)i, Flow(i)));
        }
    }

    /// <summary>The next agent has the region and nothing else.</summary>
    private void RestartWithoutState()
    {
        _all.Dispose();
        File.Delete(_files["state"]);
        _all = new TestTable(_files, _limits, _log);
    }
}
