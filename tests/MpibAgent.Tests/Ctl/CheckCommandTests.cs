using System.Diagnostics;
using System.Text.RegularExpressions;
using MpibAgent.Tests.Rails;

namespace MpibAgent.Tests.Ctl;

public sealed class CheckCommandTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public CheckCommandTests() => File.SetUnixFileMode(_files.Path, (UnixFileMode)0x1ED);

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_chain_that_is_whole_is_told_link_by_link()
    {
        using var agent = AgentProcess.Start(_files, arguments: "--sout lo --sup lo");
        using var job = PluginProcess.StartUnder(
            ["env", "NCCL_NET_PLUGIN=mpib", "NCCL_NET=MPIB", "MPIB_HCA_SOUT=lo", "MPIB_HCA_SUP=lo"], _files["agent.sock"], _files["hints"]);
        job.Do("register 1 10.0.0.1 10.0.0.2");
        Wait.Until(() => Ctl.Run(_files, "status").Output.Contains("initial ", StringComparison.Ordinal));

        var output = Ctl.Run(_files, "check").Output;

        foreach (var part in new[]
        {
            $"ok    agent     pid {agent.Pid} holds", "ok    directory ", "ok    region    ", $"ok    socket    {_files["agent.sock"]} answers", "ok    control   ",
            "ok    rail      SOUT lo: interface, up", "ok    jobs      1 of 1 registered processes have the plugin's variables",
        })
        {
            Assert.Contains(part, output, StringComparison.Ordinal);
        }

        await agent.StopAsync();
        Assert.DoesNotContain("bad request of pid", agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_wrong_comes_with_the_command_that_mends_it()
    {
        using var agent = AgentProcess.Start(_files, arguments: "--sout no-such --policy capacity");
        using var job = PluginProcess.StartUnder(["env", "-u", "NCCL_NET", "NCCL_NET_PLUGIN=none", "MPIB_HCA_SOUT=eth7"], _files["agent.sock"], _files["hints"]);
        job.Do("register 1 10.0.0.1 10.0.0.2");
        Wait.Until(() => Ctl.Run(_files, "status").Output.Contains(" plugin", StringComparison.Ordinal));
        File.SetUnixFileMode(_files.Path, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(_files["hints"], (UnixFileMode)0x180);
        File.Delete(_files["agent.sock"]);
        File.Delete(_files["control"]);

        var (code, output, _) = Ctl.Run(_files, "check");

        Assert.Equal(1, code);
        foreach (var part in new[]
        {
            $"WRONG directory others can write to {_files.Path} (mode 777)", $"run: sudo chmod 0755 {_files.Path}",
            $"WRONG region    {_files["hints"]}: jobs of other users cannot read it (mode 600)", $"run: sudo chmod 0644 {_files["hints"]}",
            $"WRONG socket    {_files["agent.sock"]}: there is no socket", $"WRONG control   {_files["control"]}: there is no such file",
            "WRONG rail      SOUT no-such: there is no such device", "WRONG rail      SUP is not named in [Rails], and policy capacity needs it",
            $"odd   jobs      pid {job.Pid} (plugin): NCCL_NET_PLUGIN is none (expected mpib); NCCL_NET is not set (expected MPIB)",
            "MPIB_HCA_SOUT is eth7, and the agent looks at no-such",
        })
        {
            Assert.Contains(part, output, StringComparison.Ordinal);
        }

        await agent.StopAsync();
    }

    [Theory]
    [InlineData("adaptive", "WRONG rail      SOUT rxe0: its counter of bytes cannot be read, and policy adaptive needs it", 1)]
    [InlineData("capacity", "odd   rail      SOUT rxe0: its counter of bytes cannot be read; policy capacity does without", 0)]
    [InlineData("manual", "odd   rail      SOUT rxe0: its counter of bytes cannot be read; policy manual does without", 0)]
    public async Task A_rail_without_a_counter_is_wrong_under_adaptive_alone(string policy, string expected, int health)
    {
        using var sysfs = new SysfsRig();
        sysfs.AddSoftware("rxe0", "veth0", 7);
        using var agent = AgentProcess.Start(_files, arguments: $"--sys-root {sysfs.Options.SysRoot} --sout rxe0 --sup eth0 --policy {policy}");
        using var job = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        job.Do("register 1 10.0.0.1 10.0.0.2");
        if (policy != "manual")
        {
            Wait.Until(() => Ctl.Run(_files, "status").Output.Contains("its counter of bytes cannot be read", StringComparison.Ordinal));
        }

        Assert.Equal(health, Ctl.Run(_files, "status").Code);
        var output = Ctl.Run(_files, "check").Output;
        Assert.Matches(Regex.Escape(expected) + "\n +run: sudoedit /etc/mpib/agent.conf; sudo systemctl restart mpib-agent   # veth0 in place of rxe0", output);
        Assert.Contains("ok    rail      SUP eth0", output, StringComparison.Ordinal);
        await agent.StopAsync();
    }

    [Fact]
    public async Task Of_a_NIC_without_a_counter_the_agent_has_told_why()
    {
        using var sysfs = new SysfsRig();
        Directory.Delete(sysfs[$"{SysfsRig.Mlx5Port}/counters"], recursive: true);
        using var agent = AgentProcess.Start(_files, arguments: $"--sys-root {sysfs.Options.SysRoot} --sout mlx5_0 --sup eth0 --policy adaptive");
        using var job = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        job.Do("register 1 10.0.0.1 10.0.0.2");
        Wait.Until(() => Ctl.Run(_files, "status").Output.Contains("! SOUT rail mlx5_0: its counter of bytes cannot be read", StringComparison.Ordinal));
        Assert.Matches("WRONG rail      SOUT mlx5_0: .*\n +run: journalctl -x -u mpib-agent MPIB_EVENT=rail-counter-missing -n 2\n", Ctl.Run(_files, "check").Output);
        await agent.StopAsync();
    }

    [Theory]
    [InlineData("veth0", "rxe0", true)]
    [InlineData("rxe0", "veth0", true)]
    [InlineData("rxe0", "veth1", false)]
    [InlineData("veth1", "rxe0", false)]
    [InlineData("eth1", "mlx5_0", false)]
    public async Task A_job_on_a_software_device_and_an_agent_on_its_interface_look_at_one_NIC(string agents, string jobs, bool isSame)
    {
        using var sysfs = new SysfsRig();
        sysfs.AddSoftware("rxe0", "veth0", 7);
        sysfs.AddSoftware("siw1", "veth1", 8);
        using var agent = AgentProcess.Start(_files, arguments: $"--sys-root {sysfs.Options.SysRoot} --sout {agents} --sup eth0");
        using var job = PluginProcess.StartUnder(
            ["env", "NCCL_NET_PLUGIN=mpib", "NCCL_NET=MPIB", $"MPIB_HCA_SOUT={jobs}", "MPIB_HCA_SUP=eth0"], _files["agent.sock"], _files["hints"]);
        job.Do("register 1 10.0.0.1 10.0.0.2");
        Wait.Until(() => Ctl.Run(_files, "status").Output.Contains("initial ", StringComparison.Ordinal));
        Assert.Contains(isSame ? "ok    jobs      1 of 1 registered processes" : $"MPIB_HCA_SOUT is {jobs}, and the agent looks at {agents}",
            Ctl.Run(_files, "check").Output, StringComparison.Ordinal);
        await agent.StopAsync();
    }

    [Theory]
    [InlineData("0600", "WRONG socket    {0}: jobs of other users cannot connect (mode 600)", "run: sudo chmod 0666 {0}")]
    [InlineData("0660", "ok    socket    {0} answers", "")]
    public async Task A_socket_that_root_can_reach_and_no_job_is_wrong(string mode, string expected, string mend)
    {
        Prerequisites.RequireRoot();
        using var agent = AgentProcess.Start(_files, arguments: $"--socket-mode {mode}");
        var output = Ctl.Run(_files, "check").Output;
        Assert.Contains(expected.Replace("{0}", _files["agent.sock"], StringComparison.Ordinal), output, StringComparison.Ordinal);
        Assert.Contains(mend.Replace("{0}", _files["agent.sock"], StringComparison.Ordinal), output, StringComparison.Ordinal);
        await agent.StopAsync();
    }

    [Theory]
    [InlineData("chown -R 4711 /run/mpib", true)]
    [InlineData("chown 4711 /run/mpib", false)]
    public void What_somebody_has_given_away_of_the_services_directory_is_to_be_given_back(string given, bool isStatusToo)
    {
        Prerequisites.RequireRoot();
        Prerequisites.RequireCommand("unshare", "util-linux");
        using var check = Process.Start(new ProcessStartInfo("unshare", ["--mount", "sh", "-c",
            $"mount -t tmpfs none /run && mkdir /run/mpib && mkfifo /run/mpib/control && echo >/run/mpib/status.json && {given} && exec {Ctl.Program} check"])
        {
            RedirectStandardOutput = true,
        })!;
        var output = check.StandardOutput.ReadToEnd();
        check.WaitForExit();
        const string Mend = "run: sudo chown -R mpib:mpib /run/mpib\n";
        Assert.Matches($"WRONG control   /run/mpib/control or its directory belongs to somebody else\n *{Mend}", output);
        Assert.Equal(isStatusToo, Regex.IsMatch(output, $"WRONG agent     /run/mpib/status.json: belongs to uid 4711.*\n *{Mend}"));
    }

    [Fact]
    public async Task A_jobs_name_looks_as_in_the_status()
    {
        using var agent = AgentProcess.Start(_files);
        using var job = PluginProcess.StartUnder(["sh", "-c", $"ln -s $0 {_files["plügin"]}; exec {_files["plügin"]} \"$@\""], _files["agent.sock"], _files["hints"]);
        job.Do("register 1 10.0.0.1 10.0.0.2");
        const string Name = @"pl\xc3\xbcgin";
        Wait.Until(() => Ctl.Run(_files, "status").Output.Contains($" {Name}", StringComparison.Ordinal));

        Assert.Contains($"pid {job.Pid} ({Name}): ", Ctl.Run(_files, "check").Output, StringComparison.Ordinal);

        await agent.StopAsync();
    }

    [Fact]
    public void A_status_file_that_can_be_none_is_told_and_no_agent_is_to_be_started_for_it()
    {
        var (code, _, errors) = Ctl.RunWith(("PATH", "/usr/bin:/bin"), "--agent", _files["other"], "set", "0", "1");
        Assert.Equal(3, code);
        Assert.Contains($"there is no {_files["other"]}; expected the status file of an agent", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("systemctl start", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_an_agent_it_says_so_and_ends_with_3()
    {
        var (code, output, _) = Ctl.Run(_files, "check");
        Assert.Equal(3, code);
        Assert.Contains("WRONG agent     the agent is not running", output, StringComparison.Ordinal);
        Assert.Contains("run: sudo systemctl start mpib-agent", output, StringComparison.Ordinal);
    }
}
