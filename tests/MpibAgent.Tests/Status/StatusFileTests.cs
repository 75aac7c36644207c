using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MpibAgent.Interface;
using MpibAgent.Slots;
using MpibAgent.Tests.Rails;

namespace MpibAgent.Tests.Status;

public sealed class StatusFileTests
{
    private static readonly Ipv4Address A = Ipv4Address.Parse("10.0.0.1"), B = Ipv4Address.Parse("10.0.0.2");

    [Fact]
    public async Task It_says_who_serves_where_and_what_every_slot_has()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Rails.Sout = "mlx5_0");
        using var client = agent.Connect();
        client.Register(1, A, B);
        client.Register(2, A, B);
        await agent.Loop.InvokeAsync(() => agent.Table.SetHint(3, 2, HintSource.Operator));

        var seen = Seen(agent, snapshot => snapshot.Slots.Count == 2);

        Assert.Equal((1, Environment.ProcessId, "fresh"), (seen.Version, seen.Agent.Pid, seen.Agent.Start));
        Assert.Equal(("manual", "", (double?)null), (seen.Policy.Name, seen.Policy.Reason, seen.Policy.MeanShare));
        Assert.Equal(new HintState("multiplier", 1, false, agent.OnLoop(agent.Region.SumOfSeq)), seen.Hints);
        Assert.Equal(new AgentPaths(agent.Files["hints"], agent.Files["agent.sock"], agent.Files["control"], "/sys"), seen.Paths);
        Assert.Equal([new RailState("SOUT", "mlx5_0", null, null, 0, ""), new RailState("SUP", "", null, null, 0, "not named in [Rails]")], seen.Rails);

        var (flow, set) = (seen.Slots[0], seen.Slots[1]);
        Assert.Equal((0, "10.0.0.1", "10.0.0.2", 1u, "initial", 2), (flow.Slot, flow.Source, flow.Destination, flow.Hint, flow.SetBy, flow.Connections));
        Assert.Equal([new ProcessState(Environment.ProcessId, Uid(), 2)], flow.Processes);
        Assert.InRange(flow.ChangedAt!.Value, seen.Agent.StartedAt, seen.WrittenAt);
        Assert.Equal((3, null, 2u, "operator", 0), (set.Slot, set.Source, set.Hint, set.SetBy, set.Connections));
    }

    [Fact]
    public async Task The_bytes_are_those_of_the_documented_schema()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, B);
        Seen(agent, snapshot => snapshot.Slots.Count == 1);

        using var document = JsonDocument.Parse(File.ReadAllBytes(agent.Files["status.json"]));
        string[] Keys(JsonElement element) => [.. element.EnumerateObject().Select(property => property.Name)];
        var root = document.RootElement;
        Assert.Equal(["version", "writtenAt", "agent", "policy", "hints", "paths", "rails", "slots"], Keys(root));
        Assert.Equal(["pid", "pidNamespace", "version", "startedAt", "start"], Keys(root.GetProperty("agent")));
        Assert.Equal(["name", "reason", "meanShare"], Keys(root.GetProperty("policy")));
        Assert.Equal(["encoding", "initial", "initialPinned", "seq"], Keys(root.GetProperty("hints")));
        Assert.Equal(["region", "socket", "control", "sysRoot"], Keys(root.GetProperty("paths")));
        Assert.Equal(["rail", "device", "kind", "up", "linkRate", "reason"], Keys(root.GetProperty("rails")[0]));
        Assert.Equal(["slot", "source", "destination", "hint", "setBy", "connections", "changedAt", "processes", "moreProcesses", "flows"], Keys(root.GetProperty("slots")[0]));
        Assert.Equal(["pid", "uid", "connections"], Keys(root.GetProperty("slots")[0].GetProperty("processes")[0]));
    }

    [Fact]
    public async Task Where_it_cannot_be_written_no_predecessors_file_says_that_the_agent_has_ended()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["status.json"], "{}");
        Directory.CreateDirectory(Path.Combine(files["status.json.new"], "in the way"));

        await using var agent = await RunningAgent.StartAsync(files);

        Assert.False(File.Exists(files["status.json"]));
    }

    [Fact]
    public async Task All_may_read_it_and_nobody_else_write()
    {
        await using var agent = await RunningAgent.StartAsync();
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(agent.Files["status.json"]), 8));
    }

    [Fact]
    public async Task It_is_replaced_as_a_whole_and_at_most_once_a_second()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        var written = new HashSet<double>();
        var watch = Stopwatch.StartNew();
        for (uint i = 0; watch.Elapsed < TimeSpan.FromSeconds(2.5); i++)
        {
            client.Register(1 + (i % 200), A, new Ipv4Address(i));
            written.Add(Read(agent)!.WrittenAt);
        }

        Assert.InRange(written.Count, 2, (int)watch.Elapsed.TotalSeconds + 2);
    }

    [Fact]
    public async Task While_nothing_changes_nothing_is_written_and_the_loop_sleeps()
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files);
        using var client = new AgentClient(files["agent.sock"]);
        client.Register(1, A, B);
        Wait.Until(() => Read(files["status.json"])?.Slots.Count == 1);
        Wait.Until(() => agent.SleepsForGood);
        await agent.StopAsync();
    }

    [Fact]
    public async Task A_directory_service_that_does_not_answer_any_more_holds_nothing_up()
    {
        Prerequisites.RequireRoot();
        Prerequisites.RequireCommand("gcc", "gcc libc6-dev");
        using var files = new TempDirectory();
        File.Copy(PluginProcess.Compile("nss_hang.c", "-shared", "-fPIC"), files["libnss_hang.so.2"]);
        File.WriteAllText(files["nsswitch.conf"], "passwd: hang\ngroup: files\n");
        using var agent = AgentProcess.Start(files, $"exec unshare -m env NSS_HANG={files["hangs"]} LD_LIBRARY_PATH={files[""]} "
            + $"sh -c 'mount --bind {files["nsswitch.conf"]} /etc/nsswitch.conf && shift && exec \"$@\"' sh");
        File.WriteAllText(files["hangs"], "");
        using var client = new AgentClient(files["agent.sock"]);
        client.Register(1, A, B);
        Wait.Until(() => Read(files["status.json"])?.Slots.Count == 1);
        client.Register(2, A, new Ipv4Address(7));
        Wait.Until(() => Read(files["status.json"])?.Slots.Count == 2);
        await agent.StopAsync();
    }

    [Fact]
    public async Task A_link_at_the_name_of_the_draft_is_removed_and_not_followed()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["victim"], "precious");
        File.CreateSymbolicLink(files["status.json.new"], files["victim"]);
        File.CreateSymbolicLink(files["status.json"], files["victim"]);
        await using var agent = await RunningAgent.StartAsync(files);
        Assert.Equal("precious", File.ReadAllText(files["victim"]));
        Assert.Null(File.ResolveLinkTarget(files["status.json"], returnFinalTarget: false));
        Assert.NotNull(Read(agent));
        Assert.False(File.Exists(files["status.json.new"]));
    }

    [Fact]
    public async Task It_says_how_the_agent_before_ended()
    {
        using var files = new TempDirectory();
        using (var first = AgentProcess.Start(files))
        {
            Assert.Equal("fresh", Read(files["status.json"])!.Agent.Start);
            await first.StopAsync();
        }

        Assert.False(File.Exists(files["status.json"]));
        using (AgentProcess.Start(files))
        {
            Assert.Equal("restarted", Read(files["status.json"])!.Agent.Start);
        }

        Assert.True(File.Exists(files["status.json"]));
        using (var third = AgentProcess.Start(files))
        {
            Assert.Equal("recovered", Read(files["status.json"])!.Agent.Start);
            using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
            Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
            await third.StopAsync();
        }

        File.Delete(files["state"]);
        using (var fourth = AgentProcess.Start(files))
        {
            var seen = Read(files["status.json"])!;
            Assert.Equal("taken-over", seen.Agent.Start);
            Assert.Equal((0, "10.0.0.1", 0, (double?)null), (seen.Slots[0].Slot, seen.Slots[0].Source, seen.Slots[0].Connections, seen.Slots[0].ChangedAt));
            await fourth.StopAsync();
        }
    }

    [Fact]
    public async Task Of_a_slot_with_many_processes_the_first_64_are_listed_and_the_rest_counted()
    {
        await using var agent = await RunningAgent.StartAsync();
        await agent.Loop.InvokeAsync(() =>
        {
            for (var pid = 1000; pid > 900; pid--)
            {
                agent.Table.Register(new ProcessIdentity(pid, 7, (ulong)pid), 1, new Flow(A, B), out _);
            }
        });
        var slot = Assert.Single(Seen(agent, snapshot => snapshot.Slots.Count == 1).Slots);
        Assert.Equal((100, 64, 36), (slot.Connections, slot.Processes.Count, slot.MoreProcesses));
        Assert.Equal(new ProcessState(901, 7, 1), slot.Processes[0]);
    }

    [Fact]
    public async Task What_every_slot_was_set_to_at_once_is_the_initial_hint_and_lists_no_slot()
    {
        await using var agent = await RunningAgent.StartAsync();
        await agent.Loop.InvokeAsync(() => agent.Table.SetAll(5, HintSource.Operator));
        var seen = Seen(agent, snapshot => snapshot.Hints.InitialPinned);
        Assert.Equal(5u, seen.Hints.Initial);
        Assert.Empty(seen.Slots);
    }

    [Fact]
    public async Task A_hint_that_changes_shows_and_when_it_did_and_no_other_slot_has_changed_then()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        client.Register(1, A, B);
        await agent.Loop.InvokeAsync(() => agent.Table.SetHint(3, 2, HintSource.Operator));
        var first = Seen(agent, snapshot => snapshot.Slots.Count == 2).Slots;

        await agent.Loop.InvokeAsync(() => agent.Table.SetHint(3, 5, HintSource.Operator));
        var second = Seen(agent, snapshot => snapshot.Slots is [_, { Hint: 5 }]).Slots;
        Assert.Equal(first[0].ChangedAt, second[0].ChangedAt);
        Assert.True(second[1].ChangedAt > first[1].ChangedAt);
    }

    [Fact]
    public async Task What_the_policy_does_shows()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options =>
            (options.Policy.Name, options.Rails.Sout, options.Rails.Sup, options.Rails.SoutGbps, options.Rails.SupGbps) = ("capacity", "lo", "no-such-nic", 100, 300));
        using var client = agent.Connect();
        client.Register(1, A, B);
        var seen = Seen(agent, snapshot => snapshot.Slots is [{ SetBy: "policy" }] && snapshot.Rails[0].Up is not null);
        Assert.Equal("capacity", seen.Policy.Name);
        Assert.NotEqual("", seen.Policy.Reason);
        Assert.Equal(("interface", true, 12.5e9), (seen.Rails[0].Kind, seen.Rails[0].Up, seen.Rails[0].LinkRate));
        Assert.Equal((null, false, "the device is not there"), (seen.Rails[1].Kind, seen.Rails[1].Up, seen.Rails[1].Reason));
    }

    [Fact]
    public async Task A_device_that_goes_or_comes_back_while_its_link_is_down_shows()
    {
        using var files = new TempDirectory();
        var nic = files["sys/class/net/eth0"];
        PlugIn();
        await using var agent = await RunningAgent.StartAsync(files, configure: options =>
            (options.Policy.Name, options.Rails.SysRoot, options.Rails.Sup) = ("capacity", files["sys"], "eth0"));
        using var client = agent.Connect();
        client.Register(1, A, B);
        Seen(agent, snapshot => snapshot.Rails[1].Reason == "the link is down");
        Directory.Delete(nic, recursive: true);
        Seen(agent, snapshot => snapshot.Rails[1] is { Kind: null, Reason: "the device is not there" });
        PlugIn();
        Seen(agent, snapshot => snapshot.Rails[1] is { Kind: "interface", Reason: "the link is down" });

        void PlugIn()
        {
            Directory.CreateDirectory(nic);
            File.WriteAllText(Path.Combine(nic, "operstate"), "down\n");
        }
    }

    [Fact]
    public async Task An_RDMA_device_is_told_from_an_interface_and_a_link_that_is_down_from_one_that_is_up()
    {
        using var sysfs = new SysfsRig();
        sysfs.Write("class/net/eth0/operstate", "down\n");
        await using var agent = await RunningAgent.StartAsync(configure: options =>
            (options.Policy.Name, options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = ("capacity", "mlx5_0", "eth0", sysfs.Options.SysRoot));
        using var client = agent.Connect();
        client.Register(1, A, B);
        var seen = Seen(agent, snapshot => snapshot.Rails[0].Up is not null);
        Assert.Equal([new RailState("SOUT", "mlx5_0", "rdma", true, 50e9, ""), new RailState("SUP", "eth0", "interface", false, 125e6, "the link is down")], seen.Rails);

        // Without a flow nobody looks at them.
        client.Deregister(1);
        Seen(agent, snapshot => snapshot.Rails[0].Up is null);
    }

    [Fact]
    public async Task A_counter_that_is_missing_shows_while_it_is()
    {
        using var sysfs = new SysfsRig();
        sysfs.AddSoftware("rxe0", "veth0", 7);
        await using var agent = await RunningAgent.StartAsync(configure: options =>
            (options.Policy.Name, options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = ("adaptive", "rxe0", "eth0", sysfs.Options.SysRoot));
        using var client = agent.Connect();
        client.Register(1, A, B);
        Assert.Equal("", Seen(agent, snapshot => snapshot.Rails[0] is { Up: true, Reason: "its counter of bytes cannot be read" }).Rails[1].Reason);
        Directory.CreateDirectory(sysfs["class/infiniband/rxe0/ports/1/counters"]);
        sysfs.Write("class/infiniband/rxe0/ports/1/counters/port_xmit_data", 1);
        Seen(agent, snapshot => snapshot.Rails[0] is { Up: true, Reason: "" });
    }

    [Fact]
    public async Task Where_it_cannot_be_written_the_agent_says_so_once_and_serves()
    {
        using var files = new TempDirectory();
        Directory.CreateDirectory(files["status.json"]);
        File.WriteAllText(Path.Combine(files["status.json"], "x"), "");
        await using var agent = await RunningAgent.StartAsync(files);
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, A, B).Status);
        Assert.Contains(files["status.json"], agent.Log.Single("status-not-written"), StringComparison.Ordinal);
    }

    private static StatusSnapshot Seen(RunningAgent agent, Func<StatusSnapshot, bool> expected)
    {
        StatusSnapshot? seen = null;
        Wait.Until(() => (seen = Read(agent)) is not null && expected(seen));
        return seen!;
    }

    private static StatusSnapshot? Read(RunningAgent agent) => Read(agent.Files["status.json"]);

    private static StatusSnapshot? Read(string path) =>
        File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), StatusJson.Default.StatusSnapshot) : null;

    private static uint Uid() => uint.Parse(File.ReadLines("/proc/self/status").Single(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1],
        CultureInfo.InvariantCulture);
}
