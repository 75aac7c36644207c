using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Rails;

/// <summary>A device whose files keep their reader waiting, as long as the test likes.</summary>
public sealed class RailReaderTests : IDisposable
{
    private const string SoutPort = SysfsRig.Mlx5Port;

    private static readonly Ipv4Address A = new(1);

    private readonly SysfsRig _sysfs = new();

    public void Dispose() => _sysfs.Dispose();

    [Theory]
    [InlineData("capacity", SysfsRig.SupPort, "counters/port_xmit_data", 0u, "SUP")]
    [InlineData("capacity", SoutPort, "counters/port_xmit_data", 1024u, "SOUT")]
    [InlineData("adaptive", SysfsRig.SupPort, "state", 0u, "SUP")]
    [InlineData("adaptive", SysfsRig.SupPort, "hw_counters/local_ack_timeout_err", 0u, "SUP")]
    public async Task A_rail_that_does_not_answer_is_out_and_nobody_else_waits(string policy, string port, string file, uint hint, string rail)
    {
        using var device = new StuckFile(_sysfs[$"{port}/{file}"]);
        await using var agent = await StartAsync(policy);
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, A, A).Status);
        agent.WaitUntil(() => agent.Engine.Seen is { Sample.Sout.IsUp: true, Sample.Sup.IsUp: true } && agent.Table.HintOf(0) is > 0 and < 1024);

        device.IsStuck = true;
        agent.WaitUntil(() => agent.Table.HintOf(0) == hint);
        Assert.Equal($"{rail} down", agent.OnLoop(() => agent.Engine.Reason));
        Assert.Contains($"{rail} rail mlx5_{(rail == "SUP" ? 1 : 0)}: it does not answer", agent.Log.Single("rail-stuck"), StringComparison.Ordinal);
        Wait.Until(() => Rail(agent, rail) is { Up: false, Kind: "rdma", Reason: RailState.NoAnswer });

        // The flow of who comes now goes over the other rail from its first message on; what the operator sets is done.
        Assert.Equal(1u, client.Register(2, A, new Ipv4Address(2)).HintSlot);
        using var reader = agent.Reader();
        Assert.Equal(hint, reader.Read(1).SupBw);
        await File.WriteAllTextAsync(agent.Options.Control.Path, "0 77\n", TestContext.Current.CancellationToken);
        agent.WaitUntil(() => agent.Table.HintOf(0) == 77);
        await File.WriteAllTextAsync(agent.Options.Control.Path, "0 auto\n", TestContext.Current.CancellationToken);
        agent.WaitUntil(() => agent.Table.HintOf(0) == hint);

        device.IsStuck = false;
        Wait.Until(() => agent.Log.Count("rail-answers") == 1);
        agent.WaitUntil(() => agent.Table.HintOf(1) is > 0 and < 1024);
        Wait.Until(() => Rail(agent, rail) is { Up: true, Reason: "" });
        Assert.Equal(1, agent.Log.Count("rail-stuck"));
    }

    [Fact]
    public async Task A_link_that_has_another_rate_since_the_last_job_is_seen_in_the_first_reading_for_the_next()
    {
        _sysfs.Write("class/net/eth0/ifindex", int.MaxValue);
        var policy = new Recorder();
        await using var agent = await RunningAgent.StartAsync(policy: policy, configure: options =>
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = ("eth0", "mlx5_1", _sysfs.Options.SysRoot));
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => !policy.Seen.IsEmpty);
        Assert.All(policy.Seen, seen => Assert.Equal(125e6, seen.Sout.LinkRate));
        client.Deregister(1);
        agent.WaitUntil(() => agent.Engine.Seen is null);

        policy.Seen.Clear();
        _sysfs.Write("class/net/eth0/speed", "10000\n");
        client.Register(1, A, A);
        Wait.Until(() => !policy.Seen.IsEmpty);
        Assert.All(policy.Seen, seen => Assert.Equal(1.25e9, seen.Sout.LinkRate));
    }

    [Fact]
    public async Task A_job_that_comes_later_and_another_policy_keep_off_it_as_well()
    {
        using var device = new StuckFile(_sysfs[$"{SysfsRig.SupPort}/counters/port_xmit_data"]);
        await using var agent = await StartAsync("capacity");
        using var client = agent.Connect();
        client.Register(1, A, A);
        agent.WaitUntil(() => agent.Table.HintOf(0) is > 0 and < 1024);
        device.IsStuck = true;
        agent.WaitUntil(() => agent.Table.HintOf(0) == 0);

        client.Deregister(1);
        agent.WaitUntil(() => agent.Table.FlowCount == 0 && agent.Table.HintOf(0) != 0);
        client.Register(2, A, A);
        agent.WaitUntil(() => agent.Table.HintOf(0) == 0);

        await agent.Loop.InvokeAsync(() => agent.Engine.Use("adaptive"));
        agent.WaitUntil(() => agent.Engine.Reason == "SUP down");
        Assert.Equal(0u, agent.OnLoop(() => agent.Table.HintOf(0)));

        // It is known to be out all the while, and not found to be anew a second after each start.
        Assert.Equal(1, agent.Log.Count("rail-stuck"));
        device.IsStuck = false;
        agent.WaitUntil(() => agent.Table.HintOf(0) is > 0 and < 1024);
    }

    /// <summary>A policy counts from there how long the rail has been up again, and bytes of before the hang are no rate.</summary>
    [Fact]
    public async Task What_is_read_after_a_hang_counts_from_its_end()
    {
        using var device = new StuckFile(_sysfs[$"{SysfsRig.SupPort}/counters/port_xmit_wait"]);
        var policy = new Recorder();
        await using var agent = await StartAsync("capacity", policy);
        using var client = agent.Connect();
        client.Register(1, A, A);
        Wait.Until(() => policy.Seen.Any(seen => seen.Sup.TxBytes is not null));

        device.IsStuck = true;
        Wait.Until(() => policy.Seen.Any(seen => !seen.Sup.IsUp));
        device.IsStuck = false;
        Wait.Until(() => policy.Seen.Last() is { Sup: { IsUp: true, TxBytes: not null } });

        var all = policy.Seen.ToList();
        var first = all.FindIndex(all.FindIndex(seen => !seen.Sup.IsUp), seen => seen.Sup.IsUp);
        Assert.True(all[first].Time >= all[first - 1].Time);
        Assert.Null(all[first].Sup.TxBytes);
        Assert.Null(all[first].Sout.TxBytes);
    }

    [Fact]
    public async Task A_device_that_hangs_and_answers_again_and_again_does_not_fill_the_log()
    {
        using var device = new StuckFile(_sysfs[$"{SysfsRig.SupPort}/counters/port_xmit_data"]);
        var policy = new Recorder();
        await using var agent = await StartAsync("capacity", policy);
        using var client = agent.Connect();
        client.Register(1, A, A);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 7; i++)
        {
            Wait.Until(() => policy.Seen.LastOrDefault() is { Sup.IsUp: true });
            device.IsStuck = true;
            Wait.Until(() => policy.Seen.Last() is { Sup.IsUp: false });
            device.IsStuck = false;
        }

        Wait.Until(() => policy.Seen.Last() is { Sup.IsUp: true });

        // Five a minute, each with its end.
        Assert.InRange(agent.Log.Count("rail-stuck"), 5, 5 * (1 + (int)clock.Elapsed.TotalMinutes));
        Assert.Equal(agent.Log.Count("rail-stuck"), agent.Log.Count("rail-answers"));
    }

    [Fact]
    public async Task A_device_that_never_answered_keeps_neither_start_nor_stop_waiting()
    {
        using var device = new StuckFile(_sysfs[$"{SysfsRig.SupPort}/state"]) { IsStuck = true };
        await using (var agent = await StartAsync("capacity"))
        {
            using var client = agent.Connect();
            Assert.Equal(ResponseStatus.Success, client.Register(1, A, A).Status);
            agent.WaitUntil(() => agent.Table.HintOf(0) == 0 && agent.Log.Count("rail-stuck") == 1);
            await agent.StopAsync();
        }

        Assert.True(device.IsStuck);
    }

    private Task<RunningAgent> StartAsync(string policy, ISplitPolicy? other = null) => RunningAgent.StartAsync(policy: other, configure: options =>
    {
        options.Hints.Encoding = HintEncoding.Ppm1024;
        (options.Policy.Name, options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = (policy, "mlx5_0", "mlx5_1", _sysfs.Options.SysRoot);
    });

    /// <summary>Keeps all that it was shown.</summary>
    private sealed class Recorder : ISplitPolicy
    {
        public ConcurrentQueue<Observation> Seen { get; } = new();

        public string Name => "recorder";

        public TimeSpan? Period => TimeSpan.FromMilliseconds(20);

        public string Reason => "";

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            Seen.Enqueue(seen);
            shares.Fill(0.5);
        }
    }

    private static RailState Rail(RunningAgent agent, string rail) =>
        JsonSerializer.Deserialize(File.ReadAllBytes(agent.Files["status.json"]), StatusJson.Default.StatusSnapshot)!.Rails.Single(one => one.Rail == rail);
}
