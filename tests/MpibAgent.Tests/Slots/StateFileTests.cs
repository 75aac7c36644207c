using System.Globalization;
using CsCheck;
using MpibAgent.Interface;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Slots;

/// <summary>What the next agent finds, whatever happened to the file.</summary>
public sealed class StateFileTests : IDisposable
{
    private readonly TempDirectory _files = new();
    private readonly CapturedLog _log = new();

    private string State => _files["state"];

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Connections_slots_hints_and_who_set_them_survive()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            Register(before, 1, 2, 2);
            Register(before, 2, 1, 2);
            before.Table.SetHint(1, 50, HintSource.Operator);
            before.Table.SetHint(9, 60, HintSource.Policy);
        }

        using var after = new TestTable(_files);
        Assert.Equal((2, 3), (after.Table.FlowCount, after.Table.ConnectionCount));
        Assert.Equal((1, 2), (after.Table.ConnectionsOf(0), after.Table.ConnectionsOf(1)));
        Assert.Equal([TestTable.Process(1), TestTable.Process(2)], after.Table.Processes.OrderBy(process => process.Pid));
        Assert.Equal((50u, HintSource.Operator, 60u, HintSource.Policy),
            (after.Table.HintOf(1), after.Table.SourceOf(1), after.Table.HintOf(9), after.Table.SourceOf(9)));
        Assert.Equal(1, Register(after, 1, 2, 2));
        Assert.Equal(3, after.Table.ConnectionCount);
        Assert.Equal(2, Register(after, 3, 1, 3));
    }

    [Fact]
    public void The_initial_hint_that_an_operator_set_survives_and_goes_over_the_setting()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetAll(8, HintSource.Operator);
            Register(before, 1, 1, 1);
        }

        using var after = new TestTable(_files);
        Assert.Equal(8u, after.Table.InitialHint);
        after.Table.RemoveProcess(1);
        Assert.Equal(8u, after.Table.HintOf(0));
    }

    [Theory]
    [InlineData(true, 1u)]
    [InlineData(false, 50u)]
    public async Task A_stop_keeps_the_hints_or_resets_them_as_the_settings_say(bool reset, uint expected)
    {
        await using (var agent = await RunningAgent.StartAsync(_files, configure: options => options.Hints.OnStop =
            reset ? MpibAgent.Hints.HintsOnStop.Reset : MpibAgent.Hints.HintsOnStop.Keep))
        {
            await agent.Loop.InvokeAsync(() => agent.Table.SetHint(4, 50, HintSource.Operator));
        }

        using var after = new TestTable(_files);
        Assert.Equal(expected, after.Table.HintOf(4));
        Assert.Equal(reset ? HintSource.Initial : HintSource.Operator, after.Table.SourceOf(4));
    }

    [Fact]
    public async Task A_stop_that_resets_the_hints_resets_them_to_what_an_operator_set_for_all()
    {
        await using (var agent = await RunningAgent.StartAsync(_files, configure: options => options.Hints.OnStop = MpibAgent.Hints.HintsOnStop.Reset))
        {
            await agent.Loop.InvokeAsync(() =>
            {
                agent.Table.SetAll(9, HintSource.Operator);
                agent.Table.SetHint(4, 50, HintSource.Operator);
            });
        }

        using var after = new TestTable(_files);
        Assert.Equal((9u, HintSource.Operator), (after.Table.HintOf(4), after.Table.SourceOf(4)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_no_stop_resets_nothing(bool fails)
    {
        await using (var agent = await RunningAgent.StartAsync(_files))
        {
            await agent.Loop.InvokeAsync(() => agent.Table.SetHint(4, 50, HintSource.Operator));
        }

        if (fails)
        {
            // A start that does not come to its end.
            File.Move(_files["control"], _files["fifo"]);
            File.WriteAllText(_files["control"], "");
            await Assert.ThrowsAsync<Fault>(() => RunningAgent.StartAsync(_files, configure: options => options.Hints.OnStop = MpibAgent.Hints.HintsOnStop.Reset));
        }
        else
        {
            await using var agent = await RunningAgent.StartAsync(_files, configure: options => options.Hints.OnStop = MpibAgent.Hints.HintsOnStop.Reset);
            agent.Loop.Post(() => throw new InvalidOperationException("a bug"));
            Wait.Until(() => !agent.Loop.IsRunning);
        }

        using var after = new TestTable(_files);
        Assert.Equal((50u, HintSource.Operator), (after.Table.HintOf(4), after.Table.SourceOf(4)));
    }

    [Fact]
    public void What_was_released_does_not_come_back()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            Register(before, 1, 2, 2);
            before.Table.TryDeregister(1, 1, out _);
            before.Table.RemoveProcess(1);
            Register(before, 2, 1, 3);
        }

        using var after = new TestTable(_files);
        Assert.Equal((1, 1), (after.Table.FlowCount, after.Table.ConnectionCount));
        Assert.Equal([TestTable.Process(2)], after.Table.Processes);
    }

    [Fact]
    public void Fifty_thousand_connections_survive_and_so_do_the_gaps_between_them()
    {
        using (var before = new TestTable(_files))
        {
            for (var i = 0u; i < 50_000; i++)
            {
                Register(before, 1 + (int)(i % 7), i, (int)(i % 200));
            }

            before.Table.RemoveProcess(3);
        }

        using var after = new TestTable(_files);
        var expected = Enumerable.Range(0, 50_000).Count(i => i % 7 != 2);
        Assert.Equal((200, expected), (after.Table.FlowCount, after.Table.ConnectionCount));
        Register(after, 8, 1, 1);
        Assert.Equal(expected + 1, after.Table.ConnectionCount);
    }

    [Fact]
    public void A_region_that_was_lost_gets_the_flows_back_and_their_jobs_are_told_of_once()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
        }

        File.Delete(_files["hints"]);
        for (var restart = 0; restart < 2; restart++)
        {
            using var after = new TestTable(_files, log: _log);
            Assert.Equal(SlotTableTests.Flow(1), new Flow(after.Region.Read(0).Source, after.Region.Read(0).Destination));
        }

        Assert.Contains("1 processes with 1 connections", _log.Single("region-lost"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_region_that_was_lost_with_no_job_running_is_no_matter()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetHint(3, 7, HintSource.Operator);
        }

        File.Delete(_files["hints"]);
        using var after = new TestTable(_files, log: _log);
        Assert.Equal(0, _log.Count("region-lost"));
        Assert.Equal((1u, HintSource.Initial), (after.Table.HintOf(3), after.Table.SourceOf(3)));
    }

    [Fact]
    public void In_a_region_that_was_lost_the_initial_hint_that_an_operator_set_holds()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            before.Table.SetAll(8, HintSource.Operator);
        }

        File.Delete(_files["hints"]);
        using var after = new TestTable(_files);
        Assert.Equal(8u, after.Table.InitialHint);
        Assert.All(Enumerable.Range(0, 256), slot => Assert.Equal((8u, HintSource.Operator), (after.Table.HintOf(slot), after.Table.SourceOf(slot))));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_slot_record_without_connections_is_undone_and_a_hint_set_before_it_stays(bool shownInRegion)
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetHint(0, 5, HintSource.Operator);
            Register(before, 1, 1, 1);
        }

        // An agent killed before (the region does not show the flow) or after (it does) the connection's life.
        Patch(State, 64 + (256 * 16) + 24, new byte[8]);
        if (!shownInRegion)
        {
            Patch(_files["hints"], 16 + 8, new byte[8]);
        }

        using var after = new TestTable(_files);
        Assert.Equal(0, after.Table.FlowCount);
        Assert.Equal(shownInRegion ? (1u, HintSource.Initial) : (5u, HintSource.Operator), (after.Table.HintOf(0), after.Table.SourceOf(0)));
        Assert.Equal(default, after.Region.Read(0).Source);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_region_that_shows_another_flow_than_the_state_has_loses_that_and_its_hint(bool hasFlow)
    {
        using (var shown = new TestTable(_files))
        {
            Register(shown, 1, 1, 1);
            shown.Table.Steer(0, 5);
        }

        // As of an agent killed after the slot's record and before the region.
        using var recorded = new TempDirectory();
        using (var table = new TestTable(recorded))
        {
            Register(table, 1, 1, 2);
            if (!hasFlow)
            {
                table.Table.RemoveProcess(1);
            }
        }

        using var after = new TestTable(_files, state: recorded["state"]);
        var entry = after.Region.Read(0);
        Assert.Equal((hasFlow ? SlotTableTests.Flow(2) : default, 1u), (new Flow(entry.Source, entry.Destination), entry.SupBw));
    }

    [Fact]
    public void Connections_of_a_slot_whose_flow_nothing_tells_are_dropped_for_good()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            Register(before, 1, 2, 1);
        }

        Patch(State, 64, [0xFF]);
        File.Delete(_files["hints"]);
        using (var after = new TestTable(_files, log: _log))
        {
            Assert.Equal((0, 0), (after.Table.UsedSlots, after.Table.ConnectionCount));
            Assert.Contains("3 records", _log.Single("state-damaged"), StringComparison.Ordinal);
            Assert.Equal(0, Register(after, 2, 1, 2));
        }

        using var last = new TestTable(_files);
        Assert.Equal((1, 1), (last.Table.ConnectionsOf(0), last.Table.ConnectionCount));
    }

    [Fact]
    public void A_hint_beyond_the_encoding_of_the_next_agent_goes_back_to_the_initial_one()
    {
        using (var before = new TestTable(_files))
        {
            for (var i = 1; i <= 3; i++)
            {
                Register(before, 1, (uint)i, i);
            }

            before.Table.SetAll(4000, HintSource.Operator);
            before.Table.SetHint(0, 5000, HintSource.Operator);
            before.Table.SetHint(1, 1000, HintSource.Operator);
        }

        using var after = new TestTable(_files, log: _log, encoding: HintEncoding.Ppm1024, initial: 3);
        Assert.Equal((3u, 1000u, 3u, 3u), (after.Table.HintOf(0), after.Table.HintOf(1), after.Table.HintOf(2), after.Table.InitialHint));
        Assert.Equal(2, _log.Count("hint-out-of-range"));
    }

    [Fact]
    public void What_was_pinned_for_jobs_to_come_is_given_up_where_its_number_means_another_share()
    {
        using (var before = new TestTable(_files, encoding: HintEncoding.Ppm1024, initial: 512))
        {
            Register(before, 1, 1, 1);
            before.Table.SetAll(256, HintSource.Operator);
            before.Table.SetHint(0, 700, HintSource.Operator);
            before.Table.SetHint(9, 900, HintSource.Operator);
        }

        using (var same = new TestTable(_files, log: _log, encoding: HintEncoding.Ppm1024, initial: 512))
        {
            Assert.Equal((256u, 700u, 900u, true), (same.Table.InitialHint, same.Table.HintOf(0), same.Table.HintOf(9), same.Table.IsInitialPinned));
            Assert.Equal(0, _log.Count("encoding-changed"));
        }

        using var after = new TestTable(_files, log: _log);
        Assert.Equal((1u, 700u, 1u, 1u, false), (after.Table.InitialHint, after.Table.HintOf(0), after.Table.HintOf(9), after.Table.HintOf(10), after.Table.IsInitialPinned));
        Assert.Equal((HintSource.Operator, HintSource.Initial), (after.Table.SourceOf(0), after.Table.SourceOf(9)));
        Assert.Equal("the encoding was ppm1024 and is multiplier: what was pinned in 255 slots without a flow, with what was set for all, would be another share "
            + "and is given up; 1 pinned slots with a flow keep their number", _log.Single("encoding-changed"));
    }

    [Fact]
    public void An_initial_hint_beyond_an_encoding_does_not_come_back_with_another()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetAll(5000, HintSource.Operator);
        }

        new TestTable(_files, encoding: HintEncoding.Ppm1024).Dispose();
        using var after = new TestTable(_files);
        Assert.Equal((1u, false), (after.Table.InitialHint, after.Table.IsInitialPinned));
    }

    [Fact]
    public void A_changed_initial_hint_reaches_the_slots_that_nobody_has_set()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetHint(0, 9, HintSource.Operator);
            Register(before, 1, 1, 1);
            Register(before, 1, 2, 2);
        }

        using var after = new TestTable(_files, initial: 4);
        Assert.Equal((9u, 1u, 4u), (after.Table.HintOf(0), after.Table.HintOf(1), after.Table.HintOf(2)));
    }

    [Fact]
    public void What_was_being_set_on_all_slots_when_the_agent_was_killed_is_set_on_all()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetAll(7, HintSource.Operator);
            before.Table.SetHint(3, 9, HintSource.Operator);
            Register(before, 1, 1, 1);
            before.State.BeginChange(new SlotChange(ChangeKind.SetAll, 0, 8, HintSource.Operator));
            before.Region.WriteHint(0, 8);
        }

        using (var after = new TestTable(_files, log: _log))
        {
            Assert.Contains("all slots", _log.Single("change-finished"), StringComparison.Ordinal);
            Assert.All(Enumerable.Range(0, 256), slot => Assert.Equal(8u, after.Table.HintOf(slot)));
            after.Table.SetHint(3, 9, HintSource.Operator);
        }

        using var next = new TestTable(_files);
        Assert.Equal((8u, 9u, 8u), (next.Table.InitialHint, next.Table.HintOf(3), next.Table.HintOf(4)));
    }

    [Theory]
    [InlineData(ChangeKind.UnpinAll, 1u, HintSource.Initial)]
    [InlineData(ChangeKind.UnpinAllKeepHints, 9u, HintSource.Policy)]
    internal void What_was_being_given_back_on_all_slots_when_the_agent_was_killed_is_given_back_on_all(ChangeKind kind, uint hint, HintSource source)
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetAll(7, HintSource.Operator);
            Register(before, 1, 1, 1);
            before.Table.SetHint(0, 9, HintSource.Operator);
            before.State.BeginChange(new SlotChange(kind, 0, 1, HintSource.Initial));
        }

        for (var restart = 0; restart < 2; restart++)
        {
            using var after = new TestTable(_files);
            Assert.Equal((hint, source), (after.Table.HintOf(0), after.Table.SourceOf(0)));
            Assert.All(Enumerable.Range(1, 255), slot => Assert.Equal((1u, HintSource.Initial), (after.Table.HintOf(slot), after.Table.SourceOf(slot))));
            Assert.Equal((1u, false), (after.Table.InitialHint, after.Table.IsInitialPinned));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hint_that_was_being_set_when_the_agent_was_killed_is_set_and_later_changes_hold(bool hasFlow)
    {
        using (var before = new TestTable(_files))
        {
            if (hasFlow)
            {
                Register(before, 1, 1, 1);
            }

            before.State.BeginChange(new SlotChange(ChangeKind.SetHint, 0, 8, HintSource.Operator));
        }

        using (var after = new TestTable(_files))
        {
            Assert.Equal((8u, HintSource.Operator, hasFlow ? 1 : 0), (after.Table.HintOf(0), after.Table.SourceOf(0), after.Table.FlowCount));
            after.Table.Unpin(0, keepHint: true);
            after.Table.Steer(0, 3);
        }

        using var next = new TestTable(_files);
        Assert.Equal((HintSource.Policy, 3u), (next.Table.SourceOf(0), next.Table.HintOf(0)));
    }

    [Fact]
    public void A_hint_that_was_being_set_is_no_other_share_under_another_encoding()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            before.State.BeginChange(new SlotChange(ChangeKind.SetHint, 0, 2000, HintSource.Operator));
        }

        using var after = new TestTable(_files, log: _log, encoding: HintEncoding.Ppm1024);
        Assert.Equal((1u, HintSource.Initial), (after.Table.HintOf(0), after.Table.SourceOf(0)));
        Assert.Equal(1, _log.Count("hint-out-of-range"));
    }

    [Theory]
    [InlineData(24)]
    [InlineData(32)]
    [InlineData(36)]
    [InlineData(37)]
    [InlineData(40)]
    public void A_damaged_change_changes_nothing(int offset)
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetHint(0, 5, HintSource.Operator);
            before.State.BeginChange(new SlotChange(ChangeKind.SetHint, 0, 8, HintSource.Operator));
        }

        Patch(State, offset, [0xFE]);
        using var after = new TestTable(_files, log: _log);
        Assert.Equal((5u, 1u), (after.Table.HintOf(0), after.Table.HintOf(254)));
        Assert.Equal(0, _log.Count("change-finished"));
    }

    [Theory]
    [InlineData(false, 1, 7u, HintSource.Operator)]
    [InlineData(true, 0, 1u, HintSource.Initial)]
    internal void The_flow_from_nowhere_to_nowhere_takes_its_hint_with_it_when_it_goes(bool hasGone, int flows, uint hint, HintSource source)
    {
        using (var before = new TestTable(_files))
        {
            before.Table.Register(TestTable.Process(1), 1, default, out _);
            before.Table.SetHint(0, 7, HintSource.Operator);
            before.State.BeginChange(new SlotChange(ChangeKind.Free, 0, 1, HintSource.Initial));
            if (hasGone)
            {
                before.State.ClearConnection(0);
            }
        }

        for (var restart = 0; restart < 2; restart++)
        {
            using var after = new TestTable(_files, log: _log);
            Assert.Equal((flows, flows, hint, source), (after.Table.FlowCount, after.Table.ConnectionCount, after.Table.HintOf(0), after.Table.SourceOf(0)));
        }

        Assert.Equal(hasGone ? 1 : 0, _log.Count("change-finished"));
    }

    [Fact]
    public void The_flow_from_nowhere_to_nowhere_keeps_its_connection_when_another_takes_its_slot_along()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.Register(TestTable.Process(1), 1, default, out _);
            before.Table.SetHint(0, 7, HintSource.Operator);
            before.State.BeginChange(new SlotChange(ChangeKind.ChangeFlow, 0, 1, HintSource.Initial, SlotTableTests.Flow(5)));
        }

        // Killed in the middle of its record.
        Patch(State, 64, [0xFF]);
        using var after = new TestTable(_files);
        Assert.True(after.Table.TryGetFlow(0, out var flow));
        Assert.Equal((SlotTableTests.Flow(5), 1, 1u, HintSource.Initial), (flow, after.Table.ConnectionCount, after.Table.HintOf(0), after.Table.SourceOf(0)));
    }

    [Fact]
    public void The_flow_from_nowhere_to_nowhere_keeps_its_slot()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.Register(TestTable.Process(1), 1, default, out _);
        }

        using var after = new TestTable(_files);
        Assert.Equal(1, Register(after, 1, 2, 2));
    }

    [Fact]
    public void A_damaged_connection_is_dropped_and_the_others_stay()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            Register(before, 2, 2, 2);
        }

        Patch(State, 64 + (256 * 16) + 4, [0xFF]);
        using var after = new TestTable(_files, log: _log);
        Assert.Equal([TestTable.Process(2)], after.Table.Processes);
        Assert.Contains("1 records", _log.Single("state-damaged"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_flow_whose_connections_are_all_damaged_keeps_its_slot_and_hint_over_every_restart()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            before.Table.SetHint(0, 9, HintSource.Operator);
        }

        Patch(State, 64 + (256 * 16) + 4, [0xFF]);
        for (var restart = 0; restart < 3; restart++)
        {
            using var after = new TestTable(_files);
            Assert.Equal((1, 0, 9u), (after.Table.FlowCount, after.Table.ConnectionCount, after.Table.HintOf(0)));
        }

        using var last = new TestTable(_files);
        Assert.Equal(1, Register(last, 2, 2, 2));
        Assert.Equal(0, Register(last, 1, 1, 1));
    }

    [Fact]
    public void A_flow_found_in_the_region_and_registered_again_is_as_any_other()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
        }

        File.Delete(State);
        using (var again = new TestTable(_files))
        {
            Register(again, 1, 1, 1);
        }

        // Killed when its last connection had gone, right after that store.
        Patch(State, 64 + (256 * 16) + 24, new byte[8]);
        using var after = new TestTable(_files);
        Assert.Equal(0, after.Table.FlowCount);
    }

    [Fact]
    public void Hints_of_a_region_whose_state_is_lost_stay_over_every_restart()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            before.Table.SetHint(0, 7, HintSource.Operator);
            before.Table.SetHint(200, 8, HintSource.Operator);
        }

        File.Delete(State);
        for (var restart = 0; restart < 3; restart++)
        {
            using var after = new TestTable(_files, log: _log);
            Assert.Equal((1, 7u, 8u, 1u), (after.Table.FlowCount, after.Table.HintOf(0), after.Table.HintOf(200), after.Table.HintOf(1)));
            Assert.Equal((HintSource.Adopted, HintSource.Adopted), (after.Table.SourceOf(0), after.Table.SourceOf(200)));
        }

        Assert.Contains("1 flows and 2 hints", _log.Single("region-taken-over"), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_region_whose_state_is_lost_a_hint_beyond_the_encoding_goes_back_to_the_initial_one()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
            before.Table.SetHint(0, 1025, HintSource.Operator);
            before.Table.SetHint(200, 1024, HintSource.Operator);
        }

        File.Delete(State);
        using var after = new TestTable(_files, log: _log, encoding: HintEncoding.Ppm1024, initial: 3);
        Assert.Equal((1, 3u, 1024u), (after.Table.FlowCount, after.Table.HintOf(0), after.Table.HintOf(200)));
        Assert.Equal(1, _log.Count("hint-out-of-range"));
    }

    [Fact]
    public void A_damaged_initial_hint_is_told()
    {
        using (var before = new TestTable(_files))
        {
            before.Table.SetAll(5, HintSource.Operator);
        }

        Patch(State, 20, [0x01]);
        using var after = new TestTable(_files, log: _log);
        Assert.Equal((1u, 5u), (after.Table.InitialHint, after.Table.HintOf(0)));
        Assert.Contains("1 records", _log.Single("state-damaged"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_slot_gets_its_flow_from_the_region()
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
        }

        Patch(State, 64, [0xFF]);
        using var after = new TestTable(_files);
        Assert.Equal(0, Register(after, 1, 1, 1));
        Assert.Equal((1, 1), (after.Table.FlowCount, after.Table.ConnectionCount));
    }

    [Theory]
    [InlineData(0, "00", "it is no state file")]
    [InlineData(8, "02000000", "version 2, from a newer agent; this one knows 1")]
    [InlineData(8, "00000000", "it has no version")]
    [InlineData(-1, "00", "expected 36928 bytes or more")]
    public void A_file_that_cannot_be_used_is_set_aside_and_the_regions_flows_are_kept(int offset, string bytes, string reason)
    {
        using (var before = new TestTable(_files))
        {
            Register(before, 1, 1, 1);
        }

        Patch(State, offset < 0 ? (int)new FileInfo(State).Length : offset, Convert.FromHexString(bytes));
        var found = File.ReadAllBytes(State);
        using var after = new TestTable(_files, log: _log);
        Assert.Contains(reason, _log.Single("state-set-aside"), StringComparison.Ordinal);
        Assert.Equal(found, File.ReadAllBytes(State + ".invalid-1"));
        Assert.Equal((1, 0), (after.Table.FlowCount, after.Table.ConnectionCount));
        Assert.Equal(0, Register(after, 1, 1, 1));
    }

    [Fact]
    public void A_file_of_version_1_is_read()
    {
        File.Copy(Path.Combine(Here(), "state-v1.bin"), State);
        File.Copy(Path.Combine(Here(), "hints-v1.bin"), _files["hints"]);
        using var table = new TestTable(_files);
        Assert.Equal((2, 3, 8u), (table.Table.FlowCount, table.Table.ConnectionCount, table.Table.InitialHint));
        Assert.Equal([TestTable.Process(1), TestTable.Process(2, uid: 7)], table.Table.Processes.OrderBy(process => process.Pid));
        Assert.Equal((50u, HintSource.Operator), (table.Table.HintOf(1), table.Table.SourceOf(1)));
    }

    [Fact]
    public void Whatever_bytes_are_changed_the_start_succeeds_and_the_table_is_sound()
    {
        byte[] state, hints;
        using (var before = new TestTable(_files))
        {
            for (var i = 0; i < 40; i++)
            {
                Register(before, 1 + (i % 3), (uint)i, i % 11);
            }
        }

        (state, hints) = (File.ReadAllBytes(State), File.ReadAllBytes(_files["hints"]));
        var busy = 64 + (256 * 16) + (50 * 32);
        Gen.Select(Gen.Int[0, busy], Gen.Byte).Array[1, 30].Sample(
            changes =>
            {
                using var files = new TempDirectory();
                var damaged = state.ToArray();
                foreach (var (at, value) in changes)
                {
                    damaged[at] = value;
                }

                File.WriteAllBytes(files["state"], damaged);
                File.SetUnixFileMode(files["state"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
                File.WriteAllBytes(files["hints"], hints);
                using var table = new TestTable(files);
                Assert.Equal(Enumerable.Range(0, 256).Sum(table.Table.ConnectionsOf), table.Table.ConnectionCount);
                for (var slot = 0; slot < 256; slot++)
                {
                    var entry = table.Region.Read(slot);
                    Assert.Equal(table.Table.TryGetFlow(slot, out var flow) ? flow : default, new Flow(entry.Source, entry.Destination));
                }

                Register(table, 99, 1, 1);
            },
            iter: 300);
    }

    [Fact]
    public void A_draft_left_by_an_agent_that_died_is_no_obstacle_and_nobody_else_reads_the_file()
    {
        File.WriteAllText(State + ".new", "half");
        using var table = new TestTable(_files);
        Assert.False(File.Exists(State + ".new"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(State));
    }

    [Fact]
    public void A_second_agent_with_the_same_state_is_refused()
    {
        using var first = new TestTable(_files);
        using var other = new TempDirectory();
        File.CreateSymbolicLink(other["state"], State);
        Assert.Contains("found a symbolic link", Assert.Throws<Fault>(() => new TestTable(other)).Message, StringComparison.Ordinal);

        // With a region of its own.
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"(pid {Environment.ProcessId}): it holds {State}.lock"),
            Assert.Throws<Fault>(() => new TestTable(other, state: State)).Message, StringComparison.Ordinal);
    }

    private static int Register(TestTable table, int pid, uint connId, int flow)
    {
        Assert.True(table.Table.Register(TestTable.Process(pid), connId, SlotTableTests.Flow(flow), out var slot)
            is RegisterOutcome.Registered or RegisterOutcome.KnownAlready);
        return slot;
    }

    private static void Patch(string path, int offset, byte[] bytes)
    {
        using var file = File.OpenWrite(path);
        file.Position = offset;
        file.Write(bytes);
    }

    private static string Here([System.Runtime.CompilerServices.CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
