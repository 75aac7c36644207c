using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Policy;

public sealed class PolicyEngineTests
{
    private static readonly Ipv4Address A = new(1);

    [Fact]
    public async Task The_share_of_a_policy_becomes_the_hint_of_the_encoding()
    {
        await using var agent = await RunningAgent.StartAsync(policy: new FixedShare(0.75));
        using var reader = agent.Reader();
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => reader.Read(0).SupBw == 3);
        Assert.Equal(HintSource.Policy, agent.OnLoop(() => agent.Table.SourceOf(0)));
    }

    [Fact]
    public async Task A_policy_cut_off_for_want_of_memory_is_replaced_by_a_fresh_one()
    {
        var policy = new CutOff();
        await using var agent = await RunningAgent.StartAsync(policy: policy);
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => agent.OnLoop(() => agent.Table.SourceOf(0)) == HintSource.Policy);
        Assert.Equal(1, policy.Asked);
    }

    [Fact]
    public async Task The_same_share_under_ppm1024_is_another_hint()
    {
        await using var agent = await RunningAgent.StartAsync(policy: new FixedShare(0.75),
            configure: options => options.Hints.Encoding = HintEncoding.Ppm1024);
        using var reader = agent.Reader();
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => reader.Read(0).SupBw == 768);
    }

    [Fact]
    public async Task What_the_operator_set_is_left_alone()
    {
        var policy = new FixedShare(0.75);
        await using var agent = await RunningAgent.StartAsync(policy: policy);
        using var reader = agent.Reader();
        await agent.Loop.InvokeAsync(() => agent.Table.SetHint(0, 100, HintSource.Operator));
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, default);
        Wait.Until(() => reader.Read(1).SupBw == 3);
        Assert.Equal(100u, reader.Read(0).SupBw);
    }

    [Fact]
    public async Task A_slot_that_is_pinned_released_or_given_away_between_two_decisions_is_treated_as_what_it_is_now()
    {
        var policy = new FixedShare(0.75);
        await using var agent = await RunningAgent.StartAsync(policy: policy);
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, new Ipv4Address(2));
        agent.WaitUntil(() => agent.Table.HintOf(0) == 3 && agent.Table.HintOf(1) == 3);
        await agent.Loop.InvokeAsync(() => agent.Table.SetHint(0, 100, HintSource.Operator));
        client.Deregister(2);
        Assert.Equal(1u, agent.OnLoop(() => agent.Table.HintOf(1)));
        client.Register(3, A, new Ipv4Address(3));
        client.Register(4, A, new Ipv4Address(4));
        var asked = policy.Asked;
        Wait.Until(() => policy.Asked > asked + 1);
        Assert.Equal((100u, 3u, 3u), agent.OnLoop(() => (agent.Table.HintOf(0), agent.Table.HintOf(1), agent.Table.HintOf(2))));
        await agent.Loop.InvokeAsync(() => agent.Engine.Release(0));
        agent.WaitUntil(() => agent.Table.HintOf(0) == 3);
    }

    [Fact]
    public async Task That_all_flows_are_pinned_is_told_once_it_is_known()
    {
        await using var agent = await RunningAgent.StartAsync(policy: new FixedShare(0.75));
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Engine.MeanShare == 0.75);
        var (told, looks) = (double.PositiveInfinity, true);
        await agent.Loop.InvokeAsync(() =>
        {
            agent.Engine.Decided += () => (told, looks) = (agent.Engine.MeanShare, agent.Engine.Seen is not null);
            agent.Table.SetHint(0, 100, HintSource.Operator);
        });
        agent.WaitUntil(() => double.IsNaN(told));
        Assert.False(looks);
    }

    [Fact]
    public async Task Without_a_flow_the_policy_is_not_asked()
    {
        var policy = new FixedShare(0.75);
        await using var agent = await RunningAgent.StartAsync(policy: policy);
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => policy.Asked > 0);
        client.Deregister(1);
        var asked = agent.OnLoop(() => policy.Asked);

        // A timer of the same loop, set later for longer than the period: the policy's would have come first.
        var later = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await agent.Loop.InvokeAsync(() => agent.Loop.CreateTimer(later.SetResult).Arm(policy.Period!.Value * 5));
        await later.Task;
        Assert.Equal(asked, policy.Asked);
    }

    [Fact]
    public async Task Another_reason_and_another_hint_are_told_to_who_shows_them()
    {
        var policy = new FixedShare(0.75);
        await using var agent = await RunningAgent.StartAsync(policy: policy);
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Table.HintOf(0) == 3);
        var (decided, steered) = (0, 0);
        await agent.Loop.InvokeAsync(() =>
        {
            agent.Engine.Decided += () => decided++;
            agent.Engine.Steered += () => steered++;
            policy.Reason = "another";
        });
        agent.WaitUntil(() => decided == 1);
        Assert.Equal(0, agent.OnLoop(() => steered));
        await agent.Loop.InvokeAsync(() => policy.Share = 0.5);
        agent.WaitUntil(() => steered == 1);
        Assert.Equal(1, agent.OnLoop(() => decided));
    }

    [Fact]
    public async Task A_split_that_goes_to_and_fro_does_not_flood_the_log()
    {
        var policy = new FixedShare(0.75);
        await using var agent = await RunningAgent.StartAsync(policy: policy);
        using var client = agent.Connect();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        client.Register(1, A, A);
        for (var i = 0; i < 10; i++)
        {
            var hint = i % 2 == 0 ? 3u : 0;
            agent.WaitUntil(() => agent.Table.HintOf(0) == hint);
            await agent.Loop.InvokeAsync(() => policy.Share = 0.75 - policy.Share);
        }

        Assert.InRange(agent.Log.Count("split-moved"), 1, 1 + (int)(watch.Elapsed.TotalSeconds / 10));
    }

    [Fact]
    public async Task Rails_that_are_missing_are_told_of_when_a_policy_takes_charge_and_not_with_the_first_flow()
    {
        await using var agent = await RunningAgent.StartAsync(configure: ByCapacity);

        // By the thread that reads them, which the start does not wait for.
        Wait.Until(() => agent.Log.Count("rail-missing") == 2);
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Engine.MeanShare == 0.75);
        Assert.Equal(2, agent.Log.Count("rail-missing"));
    }

    [Fact]
    public async Task The_manual_policy_is_never_asked_and_changes_nothing()
    {
        Assert.Null(new ManualPolicy().Period);
        var shares = new double[2];
        new ManualPolicy().Decide(default, new PathLevels[1], shares);
        Assert.All(shares, share => Assert.Equal(double.NaN, share));
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, A);
        Assert.Equal(0, agent.Log.Count("hint-set"));
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(1, 0)]
    public async Task A_flow_that_a_connection_moves_to_has_the_policys_share_before_the_answer(int slotsPerUser, int slot)
    {
        await using var agent = await RunningAgent.StartAsync(configure: options =>
        {
            ByCapacity(options);
            options.Limits.SlotsPerUser = slotsPerUser;
        });
        using var reader = agent.Reader();
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Engine.MeanShare == 0.75);
        client.Register(1, A, new Ipv4Address(2));
        Assert.Equal((3u, new Ipv4Address(2)), (reader.Read(slot).SupBw, reader.Read(slot).Destination));
    }

    [Fact]
    public async Task Telemetry_does_not_hurry_the_alternating_policy()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options =>
        {
            options.Telemetry.Listen = "127.0.0.1:0";
            (options.Policy.Name, options.Policy.AlternatingMs) = ("alternating", 3_600_000);
            (options.Policy.AlternatingFirst, options.Policy.AlternatingSecond) = (20, 30);
        });
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Table.HintOf(0) == 20);
        Assert.Equal(20u, agent.OnLoop(() =>
        {
            agent.Levels.TryReport(default, 1, 255);
            agent.Levels.Announce();
            return agent.Table.HintOf(0);
        }));
    }

    [Fact]
    public async Task A_sample_that_waits_for_the_loop_is_not_lost_to_news_of_congestion()
    {
        var policy = new Recorder();
        await using var agent = await RunningAgent.StartAsync(policy: policy, configure: options => options.Telemetry.Listen = "127.0.0.1:0");
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => policy.Samples > 0);
        var (before, after) = (0, 0);
        Wait.Until(() => agent.OnLoop(() =>
        {
            // Where levels are known, the loop asks the policy.
            agent.Levels.TryReport(new Flow(A, new Ipv4Address(9)), 1, 10);
            if (!AwaitPost(agent))
            {
                return false;
            }

            before = policy.Samples;
            agent.Levels.TryReport(new Flow(A, A), 1, 255);
            agent.Levels.Announce();
            agent.Loop.Post(() => after = policy.Samples);
            return true;
        }));
        await agent.Loop.InvokeAsync(() => { });
        Assert.True(after > before, "the sample did not come to the policy");
    }

    /// <summary>On the loop: waits until a sample waits for the loop. False where one did already, which nothing shows.</summary>
    private static bool AwaitPost(RunningAgent agent) => SpinWait.SpinUntil(() => agent.Loop.HasPosted, TimeSpan.FromSeconds(1));

    [Fact]
    public async Task A_sample_is_given_to_the_policy_once_also_where_the_flows_change_meanwhile()
    {
        var policy = new Recorder { Moves = true };
        await using var agent = await RunningAgent.StartAsync(policy: policy);
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => policy.Samples > 0);
        for (var round = 0u; round < 20; round++)
        {
            Wait.Until(() => agent.OnLoop(() =>
            {
                if (!AwaitPost(agent))
                {
                    return false;
                }

                agent.Table.SetHint(200, round, HintSource.Operator);
                return true;
            }));
            await agent.Loop.InvokeAsync(() => { });
        }

        Assert.Equal(0, policy.Twice);
    }

    [Fact]
    public async Task A_policy_that_takes_charge_while_a_sample_waits_for_the_loop_decides_nothing_before_one_of_its_own()
    {
        await using var agent = await RunningAgent.StartAsync(policy: new Recorder(), configure: options => options.Telemetry.Listen = "127.0.0.1:0");
        using var client = agent.Connect();
        client.Register(1, A, A);
        for (var round = 0; round < 20; round++)
        {
            var next = new Recorder();
            Wait.Until(() => agent.OnLoop(() =>
            {
                // Where levels are known, the loop asks the policy.
                agent.Levels.TryReport(new Flow(A, new Ipv4Address(9)), 1, 10);
                if (!AwaitPost(agent))
                {
                    return false;
                }

                agent.Engine.Use(next);
                return true;
            }));
            Wait.Until(() => next.Samples > 0);
            Assert.False(next.HasGuessed, "it was asked before it had seen the rails");
        }
    }

    [Fact]
    public async Task A_flow_that_comes_before_the_first_decision_of_another_policy_has_the_share_of_the_others_too()
    {
        // The rail that is out.
        await using var agent = await RunningAgent.StartAsync(policy: new FixedShare(0));
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Table.HintOf(0) == 0);
        Assert.Equal(0u, agent.OnLoop(() =>
        {
            agent.Engine.Use(new FixedShare(0));
            agent.Table.Register(new ProcessIdentity(Environment.ProcessId, 0, 0), 2, new Flow(A, new Ipv4Address(2)), out var slot);
            return agent.Table.HintOf(slot);
        }));
    }

    [Fact]
    public async Task A_flow_that_comes_during_a_stop_has_the_share_of_the_others_and_a_reload_starts_nothing()
    {
        await using var agent = await RunningAgent.StartAsync(policy: new FixedShare(0));
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Table.HintOf(0) == 0);
        await agent.Engine.StopAsync(TestContext.Current.CancellationToken);
        client.Register(2, A, new Ipv4Address(2));
        Assert.Equal(0u, agent.OnLoop(() => agent.Table.HintOf(1)));
        await agent.Loop.InvokeAsync(() => agent.Engine.Use(new FixedShare(0.75)));
        Assert.False(agent.OnLoop(() => agent.Engine.Rails.IsRunning));
    }

    [Fact]
    public async Task Under_manual_the_status_says_that_a_policy_of_before_set_a_hint()
    {
        await using var agent = await RunningAgent.StartAsync(configure: ByCapacity);
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Engine.MeanShare == 0.75);
        await agent.Loop.InvokeAsync(() =>
        {
            agent.Engine.Use("manual");
            agent.Engine.TellStatus();
        });
        Assert.Contains("set by a policy", agent.Log.Single("slot-status"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mixed_split_is_gone_on_from_as_it_was_also_over_a_restart()
    {
        using var files = new TempDirectory();
        void OneQuarter(AgentOptions options) => (options.Policy.Name, options.Rails.SoutGbps, options.Rails.SupGbps) = ("capacity", 300, 100);
        await using (var agent = await RunningAgent.StartAsync(files, configure: OneQuarter))
        {
            using var client = agent.Connect();
            for (var i = 0u; i < 4; i++)
            {
                client.Register(i, A, new Ipv4Address(i + 1));
            }

            // Half of them at 1 to 1: two of the four are that already while the others are still to come.
            agent.WaitUntil(() => Enumerable.Range(0, 4).Sum(slot => agent.Table.HintOf(slot)) == 2);
            await agent.Loop.InvokeAsync(() => agent.Engine.Use("adaptive"));
            agent.WaitUntil(() => !double.IsNaN(agent.Engine.MeanShare));
            Assert.Equal(0.25, agent.OnLoop(() => agent.Engine.MeanShare), 1e-6);
        }

        await using var next = await RunningAgent.StartAsync(files, configure: options => options.Policy.Name = "adaptive");
        next.WaitUntil(() => !double.IsNaN(next.Engine.MeanShare));
        Assert.Equal(0.25, next.OnLoop(() => next.Engine.MeanShare), 1e-6);
    }

    [Fact]
    public async Task A_policy_that_takes_charge_does_not_go_on_from_a_flow_that_telemetry_moved()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options =>
        {
            ByCapacity(options);
            (options.Policy.Name, options.Telemetry.Listen) = ("adaptive", "127.0.0.1:0");
        });
        using var client = agent.Connect();
        client.Register(1, A, A);
        client.Register(2, A, new Ipv4Address(2));
        agent.WaitUntil(() => agent.Engine.MeanShare == 0.75);
        await agent.Loop.InvokeAsync(() =>
        {
            agent.Levels.TryReport(new Flow(A, A), 0, 255);
            agent.Levels.Announce();
            agent.Engine.Use("adaptive");
        });
        agent.WaitUntil(() => !double.IsNaN(agent.Engine.MeanShare));
        Assert.Equal(3u, agent.OnLoop(() => agent.Table.HintOf(1)));
    }

    private static void ByCapacity(AgentOptions options) =>
        (options.Policy.Name, options.Rails.SoutGbps, options.Rails.SupGbps) = ("capacity", 100, 300);

    private sealed class CutOff : ISplitPolicy
    {
        public string Name => AlternatingPolicy.PolicyName;

        public TimeSpan? Period => TimeSpan.FromMilliseconds(1);

        public string Reason => "";

        public int Asked { get; private set; }

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            Asked++;
            throw new InsufficientMemoryException();
        }
    }

    /// <summary>Counts what it is given as a sample.</summary>
    private sealed class Recorder : ISplitPolicy
    {
        private int _samples, _twice;
        private TimeSpan _last;
        private bool _isHigh;

        /// <summary>Whether each decision moves the share.</summary>
        public bool Moves { get; init; }

        public int Samples => Volatile.Read(ref _samples);

        public int Twice => Volatile.Read(ref _twice);

        /// <summary>Whether it was asked before it was given a sample.</summary>
        public bool HasGuessed { get; private set; }

        public string Name => "recorder";

        public TimeSpan? Period => TimeSpan.FromMilliseconds(2);

        public string Reason => "";

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            HasGuessed |= !seen.IsSample && _samples == 0;
            if (seen.IsSample)
            {
                Interlocked.Add(ref _twice, seen.Time == _last ? 1 : 0);
                _last = seen.Time;
                Interlocked.Increment(ref _samples);
            }

            _isHigh = Moves && !_isHigh;
            shares.Fill(_isHigh ? 0.75 : 0.5);
        }
    }

    private sealed class FixedShare(double share) : ISplitPolicy
    {
        private int _asked;

        public int Asked => Volatile.Read(ref _asked);

        public string Name => "fixed";

        public TimeSpan? Period => TimeSpan.FromMilliseconds(5);

        public string Reason { get; set; } = "fixed";

        public double Share { get; set; } = share;

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            Interlocked.Increment(ref _asked);
            shares.Fill(Share);
        }
    }
}
