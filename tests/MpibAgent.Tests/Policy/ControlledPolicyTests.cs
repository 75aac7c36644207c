using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Policy;

/// <summary>
/// The operator's commands and a policy that steers, on the agent's own loop and FIFO. Policy capacity, on rails of 100 and 300 Gb/s that no device
/// backs, wants a hint of 3; nothing else is at 3.
/// </summary>
public sealed class ControlledPolicyTests
{
    private const uint Wanted = 3, Configured = 7;
    private static readonly Ipv4Address A = new(1), B = new(2), C = new(3);

    [Fact]
    public async Task A_hint_of_the_operator_pins_its_slot_and_the_policy_goes_on_with_the_others()
    {
        await using var agent = await StartAsync(configure: options =>
        {
            options.Policy.Name = AlternatingPolicy.PolicyName;
            (options.Policy.AlternatingMs, options.Policy.AlternatingFirst, options.Policy.AlternatingSecond) = (5, 20, 30);
        });
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, B);
        Write(agent, "0 100\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == 100);
        foreach (var hint in (uint[])[20, 30, 20])
        {
            agent.WaitUntil(() => agent.Table.HintOf(1) == hint);
        }

        Assert.Equal((100u, HintSource.Operator), Slot(agent, 0));
    }

    [Fact]
    public async Task A_slot_that_is_given_back_gets_the_hint_of_the_policy()
    {
        await using var agent = await StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, A);
        Write(agent, "0 100\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == 100);
        Write(agent, "0 auto\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted);
        Assert.Equal(HintSource.Policy, Slot(agent, 0).Source);
        Assert.Equal("slot 0: unpinned, hint 100", agent.Log.Single("slot-unpinned"));
    }

    [Fact]
    public async Task Where_no_policy_steers_a_slot_that_is_given_back_gets_the_initial_hint()
    {
        await using var agent = await StartAsync(ManualPolicy.PolicyName);
        using var client = agent.Connect();
        client.Register(1, A, A);
        Write(agent, "0 100\n0 auto\n");
        agent.WaitUntil(() => agent.Log.Count("slot-unpinned") == 1);
        Assert.Equal((Configured, HintSource.Initial), Slot(agent, 0));
    }

    [Fact]
    public async Task A_slot_without_a_flow_gets_the_initial_hint_also_under_a_policy()
    {
        await using var agent = await StartAsync();
        Write(agent, "5 100\n5 auto\n");
        agent.WaitUntil(() => agent.Log.Count("slot-unpinned") == 1);
        Assert.Equal((Configured, HintSource.Initial), Slot(agent, 5));
    }

    [Fact]
    public async Task A_hint_for_all_pins_slots_that_are_given_later()
    {
        await using var agent = await StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted);
        Write(agent, "all 9\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == 9);
        client.Register(2, A, B);
        client.Deregister(1);
        client.Register(3, A, C);

        // The policy is at work again, and that on one slot alone.
        Write(agent, "0 auto\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted);
        Assert.Equal((9u, HintSource.Operator), Slot(agent, 1));
        Assert.Equal((9u, HintSource.Operator), Slot(agent, 2));
    }

    [Fact]
    public async Task Giving_all_back_gives_the_flows_to_the_policy_and_the_initial_hint_to_the_settings()
    {
        await using var agent = await StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, B);
        Write(agent, "all 9\n1 100\n200 100\nall auto\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted && agent.Table.HintOf(1) == Wanted);
        Assert.Equal((Configured, HintSource.Initial), Slot(agent, 200));
        Assert.Equal(Configured, agent.OnLoop(() => agent.Table.InitialHint));
        Assert.Equal("all slots: unpinned, the initial hint is 7 again", agent.Log.Single("all-unpinned"));
    }

    [Fact]
    public async Task Where_no_policy_steers_giving_all_back_sets_every_slot_to_the_settings_hint()
    {
        await using var agent = await StartAsync(ManualPolicy.PolicyName);
        using var client = agent.Connect();
        client.Register(1, A, A);
        Write(agent, "all 9\n1 100\nall auto\n");
        agent.WaitUntil(() => agent.Log.Count("all-unpinned") == 1);
        Assert.All(Enumerable.Range(0, 256), slot => Assert.Equal((Configured, HintSource.Initial), Slot(agent, slot)));
    }

    [Fact]
    public async Task Pins_outlast_a_restart()
    {
        using var files = new TempDirectory();
        await using (var first = await StartAsync(files: files))
        {
            using var client = first.Connect();
            client.Register(1, A, A);
            client.Register(2, A, B);
            Write(first, "0 100\n");
            first.WaitUntil(() => first.Table.HintOf(0) == 100 && first.Table.HintOf(1) == Wanted);
        }

        // Other rails, another hint: one that shows that the next agent's policy has been at work.
        await using var second = await StartAsync(files: files, configure: options => options.Rails.SupGbps = 500);
        second.WaitUntil(() => second.Table.HintOf(1) == 5);
        Assert.Equal((100u, HintSource.Operator), Slot(second, 0));
        Write(second, "0 auto\n");
        second.WaitUntil(() => second.Table.HintOf(0) == 5);
    }

    [Fact]
    public async Task A_hint_for_all_outlasts_a_restart_until_all_are_given_back()
    {
        using var files = new TempDirectory();
        await using (var first = await StartAsync(files: files))
        {
            Write(first, "all 9\n");
            first.WaitUntil(() => first.Table.HintOf(255) == 9);
        }

        await using (var second = await StartAsync(files: files))
        {
            using var client = second.Connect();
            client.Register(1, A, A);
            Assert.Equal((9u, HintSource.Operator), Slot(second, 0));
            Write(second, "all auto\n");
            second.WaitUntil(() => second.Table.HintOf(0) == Wanted);
        }

        await using var third = await StartAsync(files: files);
        using var late = third.Connect();
        late.Register(2, A, B);
        third.WaitUntil(() => third.Table.HintOf(1) == Wanted);
        Assert.Equal(Configured, third.OnLoop(() => third.Table.InitialHint));
    }

    [Fact]
    public async Task The_policy_changes_while_the_agent_runs()
    {
        await using var agent = await StartAsync(ManualPolicy.PolicyName);
        using var client = agent.Connect();
        client.Register(1, A, A);
        foreach (var name in (string[])["adaptive", "capacity", "alternating", "manual"])
        {
            Write(agent, $"policy {name}\n");
            agent.WaitUntil(() => agent.Engine.PolicyName == name);
        }

        Assert.Equal(
            ["manual", "adaptive", "capacity", "alternating", "manual"],
            agent.Log.Lines.Where(line => line.Event == "policy-in-charge").Select(line => line.Message.Split(' ')[1]));
    }

    [Theory]
    [InlineData("capacity")]
    [InlineData("adaptive")]
    public async Task A_policy_that_takes_charge_steers_the_flows_that_are_there_and_manual_leaves_them_so(string name)
    {
        await using var agent = await StartAsync(ManualPolicy.PolicyName);
        using var client = agent.Connect();
        client.Register(1, A, A);
        Assert.Equal((Configured, HintSource.Initial), Slot(agent, 0));
        Write(agent, $"policy {name}\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted);
        Write(agent, "policy manual\n");
        agent.WaitUntil(() => agent.Engine.PolicyName == ManualPolicy.PolicyName);
        Assert.Equal(Wanted, Slot(agent, 0).Hint);
    }

    [Fact]
    public async Task A_policy_that_is_not_known_is_refused_with_those_that_are()
    {
        await using var agent = await StartAsync();
        Write(agent, "policy fastest\n");
        agent.WaitUntil(() => agent.Log.Count("command-refused") == 1);
        Assert.EndsWith("expected a policy of manual, alternating, capacity, adaptive; nothing changed", agent.Log.Single("command-refused"),
            StringComparison.Ordinal);
        Assert.Equal(CapacityPolicy.PolicyName, agent.OnLoop(() => agent.Engine.PolicyName));
    }

    [Fact]
    public async Task Status_tells_of_the_policy_and_of_every_slot_in_use()
    {
        await using var agent = await StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, B);
        client.Register(3, A, B);
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted);
        Write(agent, "1 1\n4 0\nstatus\n");
        agent.WaitUntil(() => agent.Log.Count("slot-status") == 3);
        Assert.Equal("policy capacity: links of 100 and 300 Gb/s; 2 flows, 3 connections, initial hint 7", agent.Log.Single("policy-status"));
        Assert.Equal(
            [
                $"slot 0: {A} > {A}, hint 3, 75% on SUP by policy (links of 100 and 300 Gb/s), 1 connections",
                $"slot 1: {A} > {B}, hint 1, 50% on SUP by operator (pinned), 2 connections",
                "slot 4: no flow yet, hint 0, 0% on SUP by operator (pinned), 0 connections",
            ],
            agent.Log.Lines.Where(line => line.Event == "slot-status").Select(line => line.Message));
    }

    [Fact]
    public async Task Free_slots_that_were_only_set_with_all_others_are_left_out_of_the_status()
    {
        await using var agent = await StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, A);
        Write(agent, "all 2\n9 5\nstatus\n");
        agent.WaitUntil(() => agent.Log.Count("slot-status") == 2);
        Assert.Equal(
            [
                $"slot 0: {A} > {A}, hint 2, 66.7% on SUP by operator (pinned), 1 connections",
                "slot 9: no flow yet, hint 5, 83.3% on SUP by operator (pinned), 0 connections",
            ],
            agent.Log.Lines.Where(line => line.Event == "slot-status").Select(line => line.Message));
    }

    [Fact]
    public async Task A_new_flow_has_the_share_of_the_policy_before_its_registration_is_answered()
    {
        await using var agent = await StartAsync();
        using var reader = agent.Reader();
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Engine.MeanShare == 0.75);
        client.Register(2, A, B);
        Assert.Equal(Wanted, reader.Read(1).SupBw);
    }

    [Theory]
    [InlineData("capacity", 1, 0u)]
    [InlineData("capacity", 0, uint.MaxValue)]
    [InlineData("adaptive", 1, 0u)]
    [InlineData("adaptive", 0, uint.MaxValue)]
    public async Task A_flow_leaves_a_rail_that_telemetry_calls_congested_at_once_and_comes_back(string policy, int rail, uint hint)
    {
        await using var agent = await StartAsync(policy, configure: options => options.Telemetry.Listen = "127.0.0.1:0");
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, B);
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted && agent.Table.HintOf(1) == Wanted);
        var hints = agent.OnLoop(() =>
        {
            Assert.True(agent.Levels.TryReport(new Flow(A, A), rail, 255));
            agent.Levels.Announce();
            return (agent.Table.HintOf(0), agent.Table.HintOf(1));
        });
        Assert.Equal((hint, Wanted), hints);

        // The report expires.
        agent.WaitUntil(() => agent.Table.HintOf(0) == Wanted);
    }

    [Fact]
    public async Task Telemetry_does_not_move_a_pinned_flow()
    {
        await using var agent = await StartAsync(configure: options => options.Telemetry.Listen = "127.0.0.1:0");
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, B);
        Write(agent, "0 100\n");
        agent.WaitUntil(() => agent.Table.HintOf(0) == 100 && agent.Table.HintOf(1) == Wanted);
        var hints = agent.OnLoop(() =>
        {
            agent.Levels.TryReport(default, 1, 255);
            agent.Levels.Announce();
            return (agent.Table.HintOf(0), agent.Table.HintOf(1));
        });
        Assert.Equal((100u, 0u), hints);
    }

    private static Task<RunningAgent> StartAsync(string policy = CapacityPolicy.PolicyName, TempDirectory? files = null, Action<AgentOptions>? configure = null) =>
        RunningAgent.StartAsync(files, configure: options =>
        {
            options.Policy.Name = policy;
            options.Hints.Initial = Configured;
            (options.Rails.SoutGbps, options.Rails.SupGbps) = (100, 300);
            configure?.Invoke(options);
        });

    private static (uint Hint, HintSource Source) Slot(RunningAgent agent, int slot) =>
        agent.OnLoop(() => (agent.Table.HintOf(slot), agent.Table.SourceOf(slot)));

    private static void Write(RunningAgent agent, string text)
    {
        using var writer = new StreamWriter(agent.Options.Control.Path);
        writer.Write(text);
    }
}
