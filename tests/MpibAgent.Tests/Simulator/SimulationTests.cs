using MpibAgent.Policy;
using MpibAgent.Simulator;

namespace MpibAgent.Tests.Simulator;

public sealed class SimulationTests
{
    private const double MiB = 1 << 20;

    [Theory]
    [InlineData(0.5, 200)]
    [InlineData(0.2, 500)]
    [InlineData(0.0, 400)]
    [InlineData(1.0, 100)]
    public void The_rail_that_is_too_slow_for_its_share_holds_the_other_back(double share, double expectedGbps)
    {
        var scenario = Scenes.Plain with { Rails = new RailPair { Sout = Scenes.Rail(400), Sup = Scenes.Rail(400, pathGbps: 100) } };
        var run = scenario.Run(new Scenes.Scripted(_ => share));
        Assert.Equal(expectedGbps, run.GoodputGbps, expectedGbps * 0.01);
    }

    [Fact]
    public void The_optimum_uses_both_rails_to_the_full()
    {
        var scenario = Scenes.Plain with { Rails = new RailPair { Sout = Scenes.Rail(400), Sup = Scenes.Rail(800, pathGbps: 200) } };
        Assert.Equal(600, Simulation.RunOptimum(scenario, seed: 0, ShareScale.Exact).GoodputGbps, 1e-6);

        // A multiplier has nothing between 0 and 1/2, whose goodputs are both 400.
        Assert.Equal(400, Simulation.RunOptimum(scenario, seed: 0, ShareScale.Multiplier).GoodputGbps, 1e-6);
    }

    [Fact]
    public void A_policy_is_asked_at_its_period_and_sees_bytes_and_links()
    {
        var policy = new Scenes.Scripted(_ => 0.25);
        (Scenes.Plain with { Rails = new RailPair { Sout = Scenes.Rail(400), Sup = Scenes.Rail(200) } }).Run(policy);
        Assert.InRange(policy.Seen.Count, 190, 201);
        var (first, last) = (policy.Seen[1], policy.Seen[^1]);
        Assert.Equal(400 * TwoRails.Gbps, last.Sout.LinkRate);
        Assert.Equal(200 * TwoRails.Gbps, last.Sup.LinkRate);
        Assert.True(last.Sout.IsUp && last.Sup.IsUp);
        var seconds = (last.Time - first.Time).TotalSeconds;
        Assert.Equal(400 * TwoRails.Gbps, (last.Sout.TxBytes!.Value - first.Sout.TxBytes!.Value) / seconds, 1e6);
        Assert.Equal(400 / 3.0 * TwoRails.Gbps, (last.Sup.TxBytes!.Value - first.Sup.TxBytes!.Value) / seconds, 1e6);
        Assert.Null(last.Sup.Timeouts);
        Assert.Null(last.Sup.Notifications);
        Assert.Null(last.Sup.WaitTicks);
        Assert.All(policy.Paths, paths => Assert.Equal(default, Assert.Single(paths)));
    }

    [Fact]
    public void A_policy_without_a_period_is_asked_once()
    {
        var policy = new Scenes.Scripted(_ => 0.25) { Period = null };
        Scenes.Plain.Run(policy);
        Assert.Single(policy.Seen);
    }

    [Fact]
    public void No_number_keeps_the_share()
    {
        var run = Scenes.Plain.Run(new Scenes.Scripted(time => time < 0.5 ? 0.25 : double.NaN));
        Assert.Equal(0.25, run.Log.Entries[^1].Share);
    }

    [Theory]
    [InlineData(nameof(ShareScale.Exact), 0.3001)]
    [InlineData(nameof(ShareScale.Ppm1024), 307 / 1024.0)]
    [InlineData(nameof(ShareScale.Multiplier), 0.5)]
    public void A_share_is_what_the_hint_can_say(string scale, double expected)
        => Assert.Equal(expected, Scenes.Plain.Run(new Scenes.Scripted(_ => 0.3001), Enum.Parse<ShareScale>(scale)).Log.Entries[^1].Share, 1e-6);

    [Fact]
    public void A_link_that_is_down_is_seen_to_be_and_a_black_hole_is_not()
    {
        var scenario = Scenes.Plain with
        {
            Rails = new RailPair
            {
                Sout = Scenes.Rail(400) with { States = [new StateChange(0.5, RailState.Dead)] },
                Sup = Scenes.Rail(400) with { States = [new StateChange(0.5, RailState.Down)] },
            },
            Signals = new SignalSet { Timeouts = true },
        };
        var policy = new Scenes.Scripted(_ => 0.5);
        var run = scenario.Run(policy);
        Assert.Equal(400, run.GoodputGbps, 10.0);
        Assert.True(policy.Seen[^1].Sout.IsUp);
        Assert.False(policy.Seen[^1].Sup.IsUp);
        Assert.True(policy.Seen[90].Sup.IsUp);

        // A retransmission timer every 67 ms, on the rail where nobody answers.
        Assert.InRange(policy.Seen[^1].Sout.Timeouts!.Value, 6u, 8u);
        Assert.Equal(0u, policy.Seen[^1].Sup.Timeouts);
    }

    [Fact]
    public void Counters_can_be_missing_reset_and_stale()
    {
        var scenario = Scenes.Plain with
        {
            Sampling = Scenes.Plain.Sampling with
            {
                Missing = [new RailWindow(0.2, 0.3, TwoRails.Sup)],
                Resets = [new RailMoment(0.6, TwoRails.Sout)],
                RefreshMilliseconds = 20,
            },
        };
        var policy = new Scenes.Scripted(_ => 0.5);
        scenario.Run(policy);
        Assert.All(policy.Seen, seen =>
        {
            Assert.NotNull(seen.Sout.TxBytes);
            Assert.Equal(seen.Time.TotalSeconds is >= 0.2 and < 0.3, seen.Sup.TxBytes is null);
        });
        var before = policy.Seen.Last(seen => seen.Time.TotalSeconds < 0.6);
        var after = policy.Seen.First(seen => seen.Time.TotalSeconds >= 0.6);
        Assert.True(after.Sout.TxBytes < before.Sout.TxBytes);
        Assert.True(after.Sup.TxBytes >= before.Sup.TxBytes);
        Assert.InRange(policy.Seen.Select(seen => seen.Sup.TxBytes).Distinct().Count(), 44, 47);
    }

    [Fact]
    public void Counters_can_be_reset_any_number_of_times()
    {
        RailMoment[] resets = [.. Enumerable.Repeat(new RailMoment(0.2, TwoRails.Sup), 64), new RailMoment(0.6, TwoRails.Sup)];
        var policy = new Scenes.Scripted(_ => 0.5);
        (Scenes.Plain with { Sampling = Scenes.Plain.Sampling with { Resets = resets } }).Run(policy);
        Assert.Equal(2, policy.Seen.Zip(policy.Seen.Skip(1)).Count(pair => pair.Second.Sup.TxBytes < pair.First.Sup.TxBytes));
    }

    [Fact]
    public void Counters_can_move_by_whole_packets()
    {
        const int Packet = 1_000_000;
        var policy = new Scenes.Scripted(_ => 0.25);
        (Scenes.Plain with { Sampling = Scenes.Plain.Sampling with { PacketBytes = Packet } }).Run(policy);
        Assert.All(policy.Seen, seen => Assert.Equal((0ul, 0ul), (seen.Sout.TxBytes!.Value % Packet, seen.Sup.TxBytes!.Value % Packet)));
        Assert.True(policy.Seen[^1].Sup.TxBytes > 0);
    }

    [Fact]
    public void A_full_path_shows_in_notifications_waiting_and_telemetry()
    {
        var scenario = Scenes.Plain with
        {
            Rails = new RailPair { Sout = Scenes.Rail(400), Sup = Scenes.Rail(400, pathGbps: 100) },
            Signals = new SignalSet { Notifications = true, Wait = true, Telemetry = true },
        };
        var policy = new Scenes.Scripted(_ => 0.5);
        scenario.Run(policy);
        var last = policy.Seen[^1];
        Assert.Equal(0u, last.Sout.Notifications);
        Assert.Equal(0u, last.Sout.WaitTicks);
        Assert.InRange(last.Sup.Notifications!.Value, 2900u, 3000u);
        Assert.InRange(last.Sup.WaitTicks!.Value, 0.7e9, 0.76e9);
        var levels = Assert.Single(policy.Paths[^1]);
        Assert.InRange(levels.Sup!.Value, 145, 155);
        Assert.InRange(levels.Sout!.Value, 0, 5);
    }

    [Fact]
    public void Telemetry_of_flows_tells_their_own_paths_apart()
    {
        var stream = Scenes.Plain.Flows[0];
        var scenario = Scenes.Plain with
        {
            Flows = [stream with { Limit = new FlowLimit { Sup = CapacityProfile.Always(40) } }, stream],
            Signals = new SignalSet { FlowTelemetry = true },
        };
        var policy = new Scenes.Scripted(_ => 0.5);
        scenario.Run(policy);
        Assert.Equal((byte)190, policy.Paths[^1][0].Sup);
        Assert.InRange(policy.Paths[^1][1].Sup!.Value, 130, 150);
    }

    [Fact]
    public void Telemetry_of_flows_has_what_that_of_the_rails_has()
    {
        var scenario = Scenes.Plain with
        {
            Rails = new RailPair { Sout = Scenes.Rail(400), Sup = Scenes.Rail(400, pathGbps: 400) with { NetCross = CapacityProfile.Always(390) } },
            Signals = new SignalSet { Telemetry = true, FlowTelemetry = true },
        };
        var policy = new Scenes.Scripted(_ => 0.5);
        scenario.Run(policy);
        var levels = Assert.Single(policy.Paths[^1]);
        Assert.InRange(levels.Sup!.Value, 250, 254);
        Assert.True(levels.SupCongested);
        Assert.False(levels.SoutCongested);
    }

    [Fact]
    public void Flows_share_a_rail_evenly_and_leave_what_another_cannot_use()
    {
        var stream = Scenes.Plain.Flows[0];
        var scenario = Scenes.Plain with { Flows = [stream with { Limit = new FlowLimit { Sup = CapacityProfile.Always(40) } }, stream with { Count = 2 }] };
        var run = scenario.Run(new Scenes.Scripted(_ => 0.5));
        Assert.Equal([80, 360, 360], [.. from flow in run.Flows.ToArray() select Math.Round(flow.Delivered / TwoRails.Gbps)]);
    }

    [Fact]
    public void Hosts_have_a_policy_each_and_can_share_a_path()
    {
        var told = new List<SimulatedHost>();
        var scenario = Scenes.Plain with
        {
            Hosts = 2,
            SharedPath = true,
            Rails = new RailPair { Sout = Scenes.Rail(400, pathGbps: 400), Sup = Scenes.Rail(400, pathGbps: 400) },
            Flows = [Scenes.Plain.Flows[0] with { Count = 4 }],
        };
        var run = Simulation.Run(scenario, seed: 0, ShareScale.Ppm1024, host =>
        {
            told.Add(host);
            return new Scenes.Scripted(_ => 0.5);
        });
        Assert.Equal(800, run.GoodputGbps, 1.0);
        Assert.Equal([2, 2], told.Select(host => host.FlowCount));
        Assert.NotEqual(told[0].Seed, told[1].Seed);
        Assert.All(told, host => Assert.Equal(TimeSpan.FromMilliseconds(5), host.Period));
    }

    [Fact]
    public void A_big_message_keeps_the_split_that_it_was_posted_with()
    {
        // From 0.5 s on everything new goes to SOUT, and SUP still has half a window to send.
        var scenario = Scenes.Plain with { Flows = [BigStream(256)] };
        var run = scenario.Run(new Scenes.Scripted(time => time < 0.5 ? 0.5 : 0));
        var sup = run.Log.Entries.ToArray();
        var late = sup.First(entry => entry.Time >= 0.51);
        Assert.True(sup[^1].SupBytes > late.SupBytes + (256 * MiB));
    }

    [Fact]
    public void What_is_stuck_on_a_dead_rail_moves_to_the_other_one()
    {
        var scenario = Scenes.Plain with
        {
            Flows = [BigStream(64)],
            Rails = new RailPair
            {
                Sout = Scenes.Rail(400),
                Sup = Scenes.Rail(400) with { States = [new StateChange(0.5, RailState.Dead)] },
            },
        };
        var run = scenario.Run(new Scenes.Scripted(time => time < 0.5 ? 0.5 : 0));

        // Half the time both rails, the other half one, less the 100 ms until the plugin gives up on the other and what is not complete at the end.
        Assert.InRange(run.GoodputGbps, 540, 600);
    }

    [Fact]
    public void Bursts_come_with_pauses()
    {
        var scenario = Scenes.Plain with
        {
            Flows =
            [
                new FlowGroup
                {
                    Workload = new Workload { Kind = WorkloadKind.Burst, BurstBytes = [1e9], ComputeMilliseconds = [10, 10] },
                },
            ],
        };
        Assert.Equal(400, scenario.Run(new Scenes.Scripted(_ => 0.5)).GoodputGbps, 25.0);
    }

    [Fact]
    public void The_same_seed_is_the_same_run()
    {
        var scenario = RandomScenarios.Make(7);
        var run = Simulation.Run(scenario, seed: 1, ShareScale.Ppm1024, Contenders.Find("hill"));
        var again = Simulation.Run(RandomScenarios.Make(7), seed: 1, ShareScale.Ppm1024, Contenders.Find("hill"));
        Assert.Equal(run.Log.Entries, again.Log.Entries);
    }

    private static FlowGroup BigStream(double messageMiB)
        => new() { Workload = new Workload { Kind = WorkloadKind.Stream, MessageBytes = messageMiB * MiB } };
}
