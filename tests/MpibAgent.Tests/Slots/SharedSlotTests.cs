using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Slots;

/// <summary>Flows beyond the slots, with [Limits] Overflow = share.</summary>
public sealed class SharedSlotTests : IDisposable
{
    private const int Last = HintLayout.SlotCount - 1;

    private readonly TempDirectory _files = new();
    private readonly LimitOptions _limits = new() { SlotsPerUser = 256, Overflow = Overflow.Share };
    private TestTable _all;

    public SharedSlotTests() => _all = new TestTable(_files, _limits);

    private SlotTable _table => _all.Table;

    private HintRegion _region => _all.Region;

    public void Dispose()
    {
        _all.Dispose();
        _files.Dispose();
    }

    [Fact]
    public void Flows_beyond_the_slots_share_the_last_one()
    {
        Fill();
        Assert.Equal([Last, Last, Last], [Register(1, 1000, 1000), Register(2, 1, 1001), Register(2, 2, 1000)]);
        Assert.Equal((257, 256, 258, 2), (_table.FlowCount, _table.UsedSlots, _table.ConnectionCount, _table.SharingFlows));
        Assert.Equal((HintLayout.SharedAddress, HintLayout.SharedAddress), (_region.Read(Last).Source, _region.Read(Last).Destination));
        Assert.Equal(7, Register(2, 3, 7));
    }

    [Fact]
    public void Slots_that_come_free_are_given_to_flows_of_their_own_up_to_the_last_one()
    {
        Fill();
        Register(1, 255, 255);
        _table.TryDeregister(1, 17, out _);
        _table.TryDeregister(1, 20, out _);
        _table.TryDeregister(1, 255, out _);
        Assert.Equal([17, 20, Last, Last], [Register(1, 1000, 1000), Register(1, 1001, 1001), Register(1, 1002, 1002), Register(1, 1003, 1003)]);
    }

    [Fact]
    public void A_user_at_the_limit_of_slots_shares_and_others_get_slots_of_their_own()
    {
        _limits.SlotsPerUser = 2;
        Assert.Equal([0, 1, Last, Last], [Register(1, 1, 1), Register(1, 2, 2), Register(1, 3, 3), Register(1, 4, 4)]);
        Assert.Equal([2, 3, Last], [Register(9, 1, 5, uid: 7), Register(9, 2, 6, uid: 7), Register(9, 3, 7, uid: 7)]);

        // Nobody's quota pays for it, also when those who came first have gone.
        _table.RemoveProcess(1);
        Assert.Equal([0, 1, Last], [Register(2, 1, 11), Register(2, 2, 12), Register(2, 3, 13)]);
    }

    [Fact]
    public void Quotas_of_connections_hold_in_it()
    {
        (_limits.SlotsPerUser, _limits.ConnectionsPerUser) = (1, 3);
        Register(1, 1, 1);
        Assert.Equal([Last, Last], [Register(1, 2, 2), Register(1, 3, 3)]);
        Assert.Equal(RegisterOutcome.TooManyConnections, _table.Register(TestTable.Process(1), 4, SlotTableTests.Flow(4), out var slot));
        Assert.Equal((-1, 3), (slot, _table.ConnectionCount));
    }

    [Fact]
    public void It_has_a_hint_like_any_other_which_goes_with_its_last_connection()
    {
        _table.SetHint(Last, 9, HintSource.Operator);
        Fill();
        Register(1, 1000, 1000);
        Register(1, 1001, 1001);
        Assert.Equal((9u, HintSource.Operator), (_table.HintOf(Last), _table.SourceOf(Last)));

        _table.TryDeregister(1, 1000, out _);
        Assert.True(_table.IsShared(Last));
        _table.TryDeregister(1, 1001, out _);
        Assert.Equal((false, 1u, default(Ipv4Address)), (_table.IsShared(Last), _table.HintOf(Last), _region.Read(Last).Source));
        Assert.Equal((255, 0), (_table.UsedSlots, _table.SharingFlows));
    }

    [Fact]
    public void All_connections_of_a_flow_share_one_slot_also_when_others_have_come_free()
    {
        Fill();
        Register(1, 1000, 1000);
        _table.TryDeregister(1, 5, out _);
        Assert.Equal([Last, Last, 5], [Register(1, 1000, 1000), Register(2, 1, 1000), Register(2, 2, 1001)]);

        // Once its last connection has gone the flow begins anew.
        _table.TryDeregister(1, 7, out _);
        _table.TryDeregister(1, 1000, out _);
        _table.TryDeregister(2, 1, out _);
        Assert.Equal(7, Register(1, 1000, 1000));
    }

    [Fact]
    public void A_connection_moves_into_it_within_it_and_out_of_it()
    {
        Fill();
        Register(2, 1, 3);
        Assert.Equal(Last, Register(2, 1, 1000));
        Assert.Equal(1, _table.ConnectionsOf(3));
        Assert.Equal(Last, Register(2, 1, 1001));
        Assert.Equal((1, 1), (_table.ConnectionsOf(Last), _table.SharingFlows));
        Assert.Equal(RegisterOutcome.KnownAlready, _table.Register(TestTable.Process(2), 1, SlotTableTests.Flow(1001), out _));
        Assert.Equal(8, Register(2, 1, 8));
        Assert.False(_table.IsShared(Last));

        Register(2, 2, 1002);
        _table.TryDeregister(1, 4, out _);
        Assert.Equal(4, Register(2, 2, 1003));
        Assert.Equal((255, 256), (_table.UsedSlots, _table.ConnectionCount));
    }

    [Fact]
    public void A_connection_alone_in_its_slot_takes_that_to_its_new_flow()
    {
        Fill();
        Assert.Equal(200, Register(1, 200, 1000));
        Assert.False(_table.IsShared(Last));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_outlives_the_agent_whatever_the_settings_say_then(bool isToShare)
    {
        Fill();
        Register(2, 1, 1000);
        Register(2, 2, 1001);
        Register(2, 3, 1001);
        _table.SetHint(Last, 9, HintSource.Operator);
        Restart(isToShare ? Overflow.Share : Overflow.Refuse);

        Assert.Equal((257, 258, 2, 9u, HintSource.Operator), (_table.FlowCount, _table.ConnectionCount, _table.SharingFlows, _table.HintOf(Last), _table.SourceOf(Last)));
        Assert.Equal((RegisterOutcome.KnownAlready, Last), (_table.Register(TestTable.Process(2), 1, SlotTableTests.Flow(1000), out var slot), slot));
        Assert.Equal(Last, Register(3, 1, 1001));
        Assert.Equal(isToShare ? RegisterOutcome.Registered : RegisterOutcome.NoFreeSlot, _table.Register(TestTable.Process(3), 2, SlotTableTests.Flow(1002), out slot));
        Assert.Equal(isToShare ? Last : -1, slot);

        _table.RemoveProcess(2);
        _table.RemoveProcess(3);
        Assert.Equal((255, false, 1u), (_table.UsedSlots, _table.IsShared(Last), _table.HintOf(Last)));
    }

    [Fact]
    public void Slots_that_were_all_given_away_before_it_was_allowed_are_not_taken_back()
    {
        Restart(Overflow.Refuse);
        for (var i = 0; i < 256; i++)
        {
            Register(1, (uint)i, i);
        }

        Restart(Overflow.Share);
        Assert.Equal(RegisterOutcome.NoFreeSlot, _table.Register(TestTable.Process(2), 1, SlotTableTests.Flow(1000), out _));
        _table.TryDeregister(1, 30, out _);
        Assert.Equal([30, 30], [Register(2, 1, 1000), Register(2, 2, 1001)]);
    }

    [Fact]
    public void Without_the_state_file_its_readers_keep_it_and_the_next_flows_share_it_with_them()
    {
        Fill();
        Register(2, 1, 1000);
        _table.SetHint(Last, 9, HintSource.Operator);
        Restart(Overflow.Share, withoutState: true);

        Assert.Equal((256, 0, 9u, true), (_table.UsedSlots, _table.ConnectionCount, _table.HintOf(Last), _table.IsShared(Last)));
        for (var i = 0; i < 255; i++)
        {
            Assert.Equal(i, Register(3, (uint)i, 2000 + i));
        }

        Assert.Equal([Last, Last], [Register(3, 1000, 3000), Register(2, 1, 1000)]);
        Assert.Equal(9u, _table.HintOf(Last));
    }

    [Fact]
    public void Without_the_state_file_and_without_sharing_it_is_given_away_like_any_other()
    {
        Fill();
        Register(2, 1, 1000);
        Restart(Overflow.Refuse, withoutState: true);
        for (var i = 0; i < 256; i++)
        {
            Assert.Equal(i, Register(3, (uint)i, 2000 + i));
        }

        Assert.Equal((256, false), (_table.FlowCount, _table.IsShared(Last)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Somebody_who_registers_the_mark_itself_gets_a_slot_and_spoils_nothing(bool shares)
    {
        Restart(shares ? Overflow.Share : Overflow.Refuse);
        Assert.Equal(0, Register(5, 1, 5));
        Assert.Equal(1, Register(5, 2, Flow.Shared));
        Assert.Equal(1, Register(5, 3, Flow.Shared));
        Assert.Equal(2, Register(5, 4, 6));
        Assert.Equal(1, Register(5, 1, Flow.Shared));
        _table.RemoveProcess(5);
        Assert.Equal((0, 0, 0), (_table.UsedSlots, _table.SharingFlows, _table.FlowCount));

        // Nor does a connection that is alone in the last slot there is make its slot the shared one.
        for (var i = 0; i < 256; i++)
        {
            Register(1, (uint)i, i);
        }

        var outcome = _table.Register(TestTable.Process(1), 3, Flow.Shared, out _);
        Assert.Equal(shares ? RegisterOutcome.Registered : RegisterOutcome.NoFreeSlot, outcome);
        _table.RemoveProcess(1);
        Assert.Equal((0, 0), (_table.UsedSlots, _table.SharingFlows));
    }

    [Fact]
    public void Flows_that_differ_in_one_address_have_different_fingerprints()
    {
        var one = Enumerable.Range(0, 70000).Select(i => SlotTableTests.Flow(i).Fingerprint).ToHashSet();
        Assert.Equal(70000, one.Count);
        Assert.NotEqual(new Flow(new(1), new(2)).Fingerprint, new Flow(new(2), new(1)).Fingerprint);
    }

    private int Register(int pid, uint connId, int flow, uint uid = 0) => Register(pid, connId, SlotTableTests.Flow(flow), uid);

    private int Register(int pid, uint connId, Flow flow, uint uid = 0)
    {
        Assert.True(_table.Register(TestTable.Process(pid, uid), connId, flow, out var slot) is RegisterOutcome.Registered or RegisterOutcome.KnownAlready);
        return slot;
    }

    /// <summary>Every slot that can be a flow's own is one's.</summary>
    private void Fill()
    {
        for (var i = 0; i < Last; i++)
        {
            Assert.Equal(i, Register(1, (uint)i, i));
        }
    }

    private void Restart(Overflow overflow, bool withoutState = false)
    {
        _all.Dispose();
        if (withoutState)
        {
            File.Delete(_files["state"]);
        }

        _limits.Overflow = overflow;
        _all = new TestTable(_files, _limits);
    }
}
