using System.Text.Json;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Registration;

/// <summary>[Limits] Overflow = share, as jobs, policies and operators meet it.</summary>
public sealed class SharingTests
{
    private const int Last = HintLayout.SlotCount - 1;

    private static readonly Ipv4Address A = Ipv4Address.Parse("10.0.0.1");

    [Fact]
    public async Task Flows_beyond_the_slots_are_answered_and_the_log_says_once_that_they_share()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => (options.Limits.Overflow, options.Limits.SlotsPerUser) = (Overflow.Share, 256));
        using var client = agent.Connect();
        for (var i = 0u; i < 300; i++)
        {
            Assert.Equal((ResponseStatus.Success, Math.Min(i, Last)), Register(client, i));
        }

        var line = agent.Log.Single("slot-shared");
        Assert.StartsWith("slot 255: shared from now on", line, StringComparison.Ordinal);
        Assert.Contains("the others are taken. Any number may join", line, StringComparison.Ordinal);
        Assert.Equal(0, agent.Log.Count("register-refused"));
    }

    [Fact]
    public async Task A_user_at_the_limit_shares_and_the_log_names_the_limit()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => (options.Limits.Overflow, options.Limits.SlotsPerUser) = (Overflow.Share, 2));
        using var client = agent.Connect();
        Assert.Equal([0u, 1u, Last, Last], Enumerable.Range(0, 4).Select(i => Register(client, (uint)i).Slot));
        Assert.Contains("its user's flows have SlotsPerUser slots", agent.Log.Single("slot-shared"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_policy_steers_the_shared_slot_and_reports_on_its_mark_are_no_path_of_it()
    {
        var policy = new Watching();
        await using var agent = await RunningAgent.StartAsync(policy: policy, configure: options =>
            (options.Limits.Overflow, options.Limits.SlotsPerUser, options.Telemetry.Listen) = (Overflow.Share, 1, "127.0.0.1:0"));
        await agent.Loop.InvokeAsync(() =>
        {
            foreach (var path in new[] { Flow.Shared, Flow.Shared with { Source = default }, Flow.Shared with { Destination = default } })
            {
                Assert.True(agent.Levels.TryReport(path, 0, 255));
            }
        });
        using var client = agent.Connect();
        Register(client, 1);
        Register(client, 2);
        agent.WaitUntil(() => agent.Table.SourceOf(Last) == HintSource.Policy && agent.Table.HintOf(Last) == 3 && policy.Paths.Length == 2);
        Assert.All(policy.Paths, levels => Assert.Equal(default, levels));

        // One on all paths is about them too.
        await agent.Loop.InvokeAsync(() => agent.Levels.TryReport(default, 1, 255));
        agent.WaitUntil(() => policy.Paths is [_, { SupCongested: true }]);
    }

    [Fact]
    public async Task The_operator_sees_how_many_share_and_sets_them_by_the_slot_alone()
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files, arguments: "--overflow share --slots-per-user 1");
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 255", plugin.Do("register 2 10.0.0.1 10.0.0.3"));
        Wait.Until(() => Ctl.Ctl.Run(files, "status").Output.Contains(" 255  shared ", StringComparison.Ordinal));
        Assert.Equal("ok 255", plugin.Do("register 3 10.0.0.1 10.0.0.4"));
        Wait.Until(() => Ctl.Ctl.Run(files, "status").Output.Contains(" 255  2 flows share it ", StringComparison.Ordinal));

        using (var document = JsonDocument.Parse(Ctl.Ctl.Run(files, "status", "--json").Output))
        {
            var slots = document.RootElement.GetProperty("slots");
            Assert.Equal([1, 2], slots.EnumerateArray().Select(slot => slot.GetProperty("flows").GetInt32()));
            Assert.Equal("255.255.255.255", slots[1].GetProperty("source").GetString());
        }

        var (code, _, errors) = Ctl.Ctl.Run(files, "set", "10.0.0.1,10.0.0.4", "3");
        Assert.Equal((1, "mpibctl: no slot has the flow 10.0.0.1 > 10.0.0.4; it may be one of those that share slot 255 and its one hint: to change it for all of them, "
            + "say 255 in place of the flow\n"), (code, errors));
        Assert.Equal((0, "slot 255 (of all flows that share it): hint 3, 75.0% on SUP, pinned\n", ""), Ctl.Ctl.Run(files, "set", "255", "3"));
        Assert.Equal("hint 3", plugin.Do("hint 255"));
        await agent.StopAsync();
    }

    private static (ResponseStatus Status, uint Slot) Register(AgentClient client, uint number)
    {
        var response = client.Register(number, A, new Ipv4Address(number + 100));
        return (response.Status, response.HintSlot);
    }

    private sealed class Watching : ISplitPolicy
    {
        public string Name => "watching";

        public TimeSpan? Period => TimeSpan.FromMilliseconds(5);

        public string Reason => "";

        public PathLevels[] Paths { get; private set; } = [];

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            Paths = paths.ToArray();
            shares.Fill(0.75);
        }
    }
}
