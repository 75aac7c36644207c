using System.Buffers;
using System.Text;
using MpibAgent.Interface;
using MpibAgent.Metrics;
using MpibAgent.Policy;
using MpibAgent.Slots;
using MpibAgent.Tests.Rails;
using MpibAgent.Tests.Registration;

namespace MpibAgent.Tests.Metrics;

public sealed class MetricsFileTests
{
    private static readonly Ipv4Address A = Ipv4Address.Parse("10.0.0.1"), B = Ipv4Address.Parse("10.0.0.2");

    [Fact]
    public async Task Everything_that_happens_is_counted()
    {
        await using var agent = await StartAsync(options => options.Limits.SlotsPerUser = 1);
        using var client = agent.Connect();
        client.Register(1, A, B);
        client.Register(2, A, B);
        client.Deregister(2);
        Assert.Equal(ResponseStatus.NoFreeSlots, client.Register(3, B, A).Status);
        using (var peer = agent.ConnectRaw())
        {
            peer.Send("garbage!"u8);
            Assert.Equal(0, peer.Receive(new byte[16]));
        }

        File.WriteAllText(agent.Files["control"], "0 3\n0 nonsense\n");
        agent.WaitUntil(() => agent.Table.SourceOf(0) == HintSource.Operator);

        var seen = Seen(agent, text => text.Value("mpib_agent_command_errors_total") == 1);
        Assert.Equal(2, seen.Value("mpib_agent_registrations_total"));
        Assert.Equal(1, seen.Value("mpib_agent_deregistrations_total", "cause=\"request\""));
        Assert.Equal(0, seen.Value("mpib_agent_deregistrations_total", "cause=\"process_end\""));
        Assert.Equal(1, seen.Value("mpib_agent_refusals_total", "reason=\"slots_per_user\""));
        Assert.Equal(1, seen.Value("mpib_agent_refusals_total", "reason=\"bad_request\""));
        Assert.Equal(0, seen.Value("mpib_agent_refusals_total", "reason=\"memory\""));
        Assert.Equal(256, seen.Value("mpib_agent_slots"));
        Assert.Equal(1, seen.Value("mpib_agent_slots_used"));
        Assert.Equal(1, seen.Value("mpib_agent_connections"));
        Assert.Equal(1, seen.Value("mpib_agent_hint_writes_total", "source=\"operator\""));
        Assert.Equal(0.75, seen.Value("mpib_agent_rail_share_ratio", "rail=\"sup\""));
        Assert.Equal(0.25, seen.Value("mpib_agent_rail_share_ratio", "rail=\"sout\""));
        Assert.Equal(1, seen.Value("mpib_agent_info", $"version=\"{ProgramLine.Version}\",policy=\"manual\",start=\"fresh\""));

        // Refused or not, a registration has been answered.
        Assert.Equal(3, seen.Value("mpib_agent_registration_duration_seconds_count"));
        Assert.Equal(3, seen.Value("mpib_agent_registration_duration_seconds_bucket", "le=\"+Inf\""));
        Assert.True(seen.Value("mpib_agent_registration_duration_seconds_sum") > 0);
    }

    [Fact]
    public async Task What_is_refused_is_counted_though_nothing_else_happens()
    {
        await using var agent = await StartAsync();
        using (var peer = agent.ConnectRaw())
        {
            peer.Send("garbage!"u8);
        }

        Seen(agent, text => text.Value("mpib_agent_refusals_total", "reason=\"bad_request\"") == 1);
        File.WriteAllText(agent.Files["control"], "0 nonsense\n");
        Seen(agent, text => text.Value("mpib_agent_command_errors_total") == 1);
    }

    [Fact]
    public async Task Registrations_that_come_at_once_are_timed_one_by_one()
    {
        await using var agent = await StartAsync();
        using var peer = agent.ConnectRaw();
        peer.Send([.. RegistrationTests.Register(1), .. RegistrationTests.Register(2), .. RegistrationTests.Register(3)]);
        Seen(agent, text => text.Value("mpib_agent_registration_duration_seconds_count") == 3);
    }

    [Fact]
    public async Task A_policy_that_takes_charge_shows_though_nothing_else_happens()
    {
        await using var agent = await StartAsync();
        await agent.Loop.InvokeAsync(() => agent.Engine.Use("capacity"));
        Seen(agent, text => text.Value("mpib_agent_info", $"version=\"{ProgramLine.Version}\",policy=\"capacity\",start=\"fresh\"") == 1);
    }

    [Fact]
    public async Task A_time_is_counted_in_its_bucket_and_in_those_above_it()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var text = new TextExposition(agent.Metrics, () => { });
        foreach (var seconds in (double[])[15e-6, 20e-6, 30e-6, 2])
        {
            agent.Metrics.RegistrationTime.Record(seconds);
        }

        var output = new ArrayBufferWriter<byte>();
        await agent.Loop.InvokeAsync(() => text.Write(output));
        var seen = new Metric(Encoding.UTF8.GetString(output.WrittenSpan));
        Assert.Equal((2, 3, 3, 4), (Bucket("0.00002"), Bucket("0.00005"), Bucket("1"), Bucket("+Inf")));
        Assert.Equal(2.000065, seen.Value("mpib_agent_registration_duration_seconds_sum"));

        double Bucket(string bound) => seen.Value("mpib_agent_registration_duration_seconds_bucket", $"le=\"{bound}\"");
    }

    [Fact]
    public async Task Flows_that_share_a_slot_are_counted()
    {
        await using var agent = await StartAsync(options => (options.Limits.SlotsPerUser, options.Limits.Overflow) = (1, Overflow.Share));
        using var client = agent.Connect();
        for (var i = 0u; i < 4; i++)
        {
            Assert.Equal(ResponseStatus.Success, client.Register(i, A, new Ipv4Address(i)).Status);
        }

        var seen = Seen(agent, text => text.Value("mpib_agent_flows_sharing") == 3);
        Assert.Equal(2, seen.Value("mpib_agent_slots_used"));
    }

    [Fact]
    public async Task What_went_with_a_process_is_counted_apart()
    {
        await using var agent = await StartAsync();
        using (var plugin = PluginProcess.Start(agent.Files["agent.sock"], agent.Files["hints"]))
        {
            Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        }

        Seen(agent, text => text.Value("mpib_agent_deregistrations_total", "cause=\"process_end\"") == 1 && text.Value("mpib_agent_slots_used") == 0);
    }

    [Fact]
    public async Task Flows_that_were_there_before_are_adopted()
    {
        using var files = new TempDirectory();
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
        await using (var first = await RunningAgent.StartAsync(files))
        {
            Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        }

        await using var agent = await RunningAgent.StartAsync(files, configure: options => options.Metrics.TextFile = files["agent.prom"]);
        var seen = Metric.Read(files["agent.prom"]);
        Assert.Equal(1, seen.Value("mpib_agent_adopted_slots"));
        Assert.Equal(1, seen.Value("mpib_agent_info", $"version=\"{ProgramLine.Version}\",policy=\"manual\",start=\"restarted\""));
        Assert.Equal(0, seen.Value("mpib_agent_registrations_total"));
    }

    [Fact]
    public async Task The_rails_are_read_while_there_are_flows_whatever_the_policy()
    {
        using var sysfs = new SysfsRig();
        await using var agent = await StartAsync(options =>
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = ("mlx5_0", "no-such-nic", sysfs.Options.SysRoot));
        using var client = agent.Connect();
        client.Register(1, A, B);
        var first = Seen(agent, text => text.Value("mpib_agent_slots_used") == 1);
        Assert.Equal(1, first.Value("mpib_agent_rail_up", "rail=\"sout\""));
        Assert.Equal(0, first.Value("mpib_agent_rail_up", "rail=\"sup\""));
        Assert.True(first.Value("mpib_agent_rail_link_bytes_per_second", "rail=\"sout\"") > 0);
        var before = first.Value("mpib_agent_rail_sent_bytes_total", "rail=\"sout\"");

        // Words of four bytes.
        sysfs.SetTx((ulong)(before / 4) + 1000);
        Seen(agent, text => text.Value("mpib_agent_rail_sent_bytes_total", "rail=\"sout\"") == before + 4000);
    }

    /// <summary>A series that comes and goes with the load of the host is no counter.</summary>
    [Fact]
    public async Task The_bytes_of_a_reading_that_took_too_long_for_a_policy_are_shown_all_the_same()
    {
        using var sysfs = new SysfsRig();
        var policy = new Hasty();
        await using var agent = await StartAsync(options =>
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = ("mlx5_0", "mlx5_1", sysfs.Options.SysRoot));
        using var client = agent.Connect();
        client.Register(1, A, B);
        await agent.Loop.InvokeAsync(() => agent.Engine.Use(policy));
        Wait.Until(() => policy.HasSeenNone);
        await agent.Loop.InvokeAsync(() => agent.Table.SetHint(200, 77, HintSource.Operator));
        var seen = Seen(agent, text => text.Value("mpib_agent_hint_writes_total", "source=\"operator\"") == 1);
        Assert.True(seen.Value("mpib_agent_rail_sent_bytes_total", "rail=\"sout\"") > 0);
        Assert.True(seen.Value("mpib_agent_rail_sent_bytes_total", "rail=\"sup\"") > 0);
    }

    /// <summary>To Prometheus one that falls was reset, and all that it shows was sent since.</summary>
    [Fact]
    public async Task A_counter_of_bytes_does_not_fall_to_what_was_read_before_a_policy_looked()
    {
        using var sysfs = new SysfsRig();
        using var device = new StuckFile(sysfs[$"{SysfsRig.SupPort}/state"]);
        await using var agent = await StartAsync(options =>
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot, options.Metrics.IntervalSeconds) = ("mlx5_0", "mlx5_1", sysfs.Options.SysRoot, 2));
        using var client = agent.Connect();
        sysfs.SetTx(1000);
        client.Register(1, A, B);
        Seen(agent, text => text.Value("mpib_agent_rail_sent_bytes_total", "rail=\"sout\"") == 4000);

        // A reading that takes half an interval, so that it counts for longer than two from the file that it was for.
        device.IsStuck = true;
        Wait.Until(() => device.IsWaitedFor);
        sysfs.SetTx(2000);
        var since = agent.Loop.Time.GetTimestamp();
        Wait.Until(() => agent.Loop.Time.GetElapsedTime(since) > TimeSpan.FromSeconds(1));
        device.IsStuck = false;
        await agent.Loop.InvokeAsync(() => agent.Engine.Use("capacity"));
        Seen(agent, text => text.Value("mpib_agent_rail_sent_bytes_total", "rail=\"sout\"") == 8000);
        await agent.Loop.InvokeAsync(() => agent.Engine.Use("manual"));
        var next = Seen(agent, text => text.Value("mpib_agent_info", $"version=\"{ProgramLine.Version}\",policy=\"manual\",start=\"fresh\"") == 1);
        Assert.NotEqual(4000, next.Value("mpib_agent_rail_sent_bytes_total", "rail=\"sout\""));
    }

    [Fact]
    public async Task All_may_read_it_and_a_stop_removes_it()
    {
        using var files = new TempDirectory();
        await using var agent = await RunningAgent.StartAsync(files, configure: options => options.Metrics.TextFile = files["agent.prom"]);
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(files["agent.prom"]), 8));
        await agent.StopAsync();
        Assert.False(File.Exists(files["agent.prom"]));
    }

    [Fact]
    public async Task While_nothing_changes_nothing_is_written_and_the_loop_sleeps()
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files, arguments: $"--metrics-file {files["agent.prom"]} --metrics-interval 1");
        using var client = new AgentClient(files["agent.sock"]);
        client.Register(1, A, B);
        Wait.Until(() => Metric.Read(files["agent.prom"]).Value("mpib_agent_slots_used") == 1);
        Wait.Until(() => File.ReadAllText(files["status.json"]).Contains("10.0.0.1", StringComparison.Ordinal));
        Wait.Until(() => agent.SleepsForGood);
        await agent.StopAsync();
    }

    [Fact]
    public async Task Without_the_setting_nothing_is_written_and_no_registration_is_timed()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, B);
        Assert.False(agent.Metrics.RegistrationTime.Enabled);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(agent.Files["hints"])!, "*.prom"));
    }

    [Fact]
    public async Task Where_it_cannot_be_written_the_agent_says_so_once_and_serves()
    {
        using var files = new TempDirectory();
        Directory.CreateDirectory(Path.Combine(files["agent.prom"], "x"));
        await using var agent = await RunningAgent.StartAsync(files, configure: options => options.Metrics.TextFile = files["agent.prom"]);
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, A, B).Status);
        Assert.Contains(files["agent.prom"], agent.Log.Single("metrics-not-written"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Old_figures_go_where_new_ones_cannot_be_written()
    {
        await using var agent = await StartAsync();
        Directory.CreateDirectory(Path.Combine(agent.Files["agent.prom.new"], "x"));
        using var client = agent.Connect();
        client.Register(1, A, B);
        agent.WaitUntil(() => !File.Exists(agent.Files["agent.prom"]));
        Assert.Contains("Prometheus sees none", agent.Log.Single("metrics-not-written"), StringComparison.Ordinal);
    }

    /// <summary>Once it has seen the counters it is in such a hurry that no reading is fast enough.</summary>
    private sealed class Hasty : ISplitPolicy
    {
        private volatile bool _hasSeenBytes, _hasSeenNone;

        public bool HasSeenNone => _hasSeenNone;

        public string Name => "hasty";

        public TimeSpan? Period => _hasSeenBytes ? TimeSpan.FromTicks(1) : TimeSpan.FromSeconds(1);

        public string Reason => "";

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            _hasSeenNone |= _hasSeenBytes && seen.Sout.TxBytes is null;
            _hasSeenBytes |= seen.Sout.TxBytes is not null;
            shares.Fill(0.5);
        }
    }

    private static Task<RunningAgent> StartAsync(Action<AgentOptions>? configure = null)
    {
        return RunningAgent.StartAsync(configure: options =>
        {
            options.Metrics.TextFile = Path.Combine(Path.GetDirectoryName(options.Hints.Path)!, "agent.prom");
            options.Metrics.IntervalSeconds = 1;
            configure?.Invoke(options);
        });
    }

    private static Metric Seen(RunningAgent agent, Func<Metric, bool> expected)
    {
        var seen = Metric.Read(agent.Files["agent.prom"]);
        Wait.Until(() => expected(seen = Metric.Read(agent.Files["agent.prom"])));
        return seen;
    }
}
