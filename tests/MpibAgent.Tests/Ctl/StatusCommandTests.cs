using System.Text.Json;

namespace MpibAgent.Tests.Ctl;

/// <summary>The real mpibctl beside a real agent.</summary>
public sealed class StatusCommandTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task It_shows_agent_slots_and_processes()
    {
        using var agent = AgentProcess.Start(_files);
        using var plugin = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        plugin.Do("register 1 10.0.0.1 10.0.0.2");
        plugin.Do("register 2 10.0.0.1 10.0.0.3");
        Assert.Equal(0, Ctl.Run(_files, "set", "0", "2").Code);

        var (code, output, errors) = Ctl.Run(_files, "status");

        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith($"mpib-agent 0.1.0 serving, pid {agent.Pid}, up ", output, StringComparison.Ordinal);
        Assert.Contains("policy  manual\n", output, StringComparison.Ordinal);
        Assert.Contains("encoding multiplier, initial hint 1 (50.0% on SUP)", output, StringComparison.Ordinal);
        var rows = output.Split('\n');
        Assert.Matches($@"^   0  10\.0\.0\.1 > 10\.0\.0\.2     2  66\.7%  ██████▋░░░  operator +1 +\ds  {plugin.Pid} \w+ plugin$", rows.Single(row => row.StartsWith("   0", StringComparison.Ordinal)));
        Assert.Matches($@"^   1  10\.0\.0\.1 > 10\.0\.0\.3     1  50\.0%  █████░░░░░  initial ", rows.Single(row => row.StartsWith("   1", StringComparison.Ordinal)));
        Assert.DoesNotContain('\e', output);
        await agent.StopAsync();
    }

    [Fact]
    public async Task The_json_is_the_documented_one_and_goes_with_the_exit_code()
    {
        using var agent = AgentProcess.Start(_files);
        using var plugin = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        plugin.Do("register 1 10.0.0.1 10.0.0.2");

        var (code, output, _) = Ctl.Run(_files, "status", "--json");

        using var document = JsonDocument.Parse(output);
        var root = document.RootElement;
        Assert.Equal((0, 1, "serving"), (code, root.GetProperty("version").GetInt32(), root.GetProperty("health").GetString()));
        string[] Keys(JsonElement element) => [.. element.EnumerateObject().Select(property => property.Name)];
        Assert.Equal(["version", "health", "problems", "notSeen", "agent", "rails", "slots"], Keys(root));
        Assert.Equal(["pid", "version", "uptimeSeconds", "start", "policy", "reason", "meanSharePercent", "encoding", "initialHint", "initialSharePercent", "initialPinned",
            "region", "socket", "control"], Keys(root.GetProperty("agent")));
        Assert.Equal(["rail", "device", "kind", "up", "gbps", "problem"], Keys(root.GetProperty("rails")[0]));
        var slot = root.GetProperty("slots")[0];
        Assert.Equal(["slot", "source", "destination", "hint", "sharePercent", "setBy", "connections", "ageSeconds", "processes", "moreProcesses", "flows"], Keys(slot));
        Assert.Equal(["pid", "uid", "user", "command", "connections"], Keys(slot.GetProperty("processes")[0]));
        Assert.Equal(("10.0.0.1", 50.0, "initial", plugin.Pid, "plugin"), (slot.GetProperty("source").GetString(), slot.GetProperty("sharePercent").GetDouble(),
            slot.GetProperty("setBy").GetString(), slot.GetProperty("processes")[0].GetProperty("pid").GetInt32(), slot.GetProperty("processes")[0].GetProperty("command").GetString()));
        await agent.StopAsync();
    }

    [Fact]
    public async Task The_exit_code_tells_health()
    {
        Assert.Equal(3, Ctl.Run(_files, "status").Code);
        using (AgentProcess.Start(_files, arguments: "--sout lo --sup no-such-nic"))
        {
            var (code, output, _) = Ctl.Run(_files, "status");
            Assert.Equal(1, code);
            Assert.Contains("! SUP rail no-such-nic: there is no such device", output, StringComparison.Ordinal);
        }

        var (dead, said, _) = Ctl.Run(_files, "status");
        Assert.Equal(3, dead);
        Assert.Contains("ended without a stop", said, StringComparison.Ordinal);
        using var agent = AgentProcess.Start(_files);
        Assert.Equal(0, Ctl.Run(_files, "status").Code);

        agent.Signal("STOP");
        Assert.Equal(1, Ctl.Run(_files, "status").Code);
        Assert.Contains("no answer within 2 s", Ctl.Run(_files, "status").Output, StringComparison.Ordinal);
        agent.Signal("CONT");
        await agent.StopAsync();
        Assert.Equal(3, Ctl.Run(_files, "status", "--json").Code);
    }

    [Fact]
    public async Task A_command_name_cannot_steer_the_terminal()
    {
        using var agent = AgentProcess.Start(_files);
        using var plugin = PluginProcess.StartUnder(["sh", "-c", $"ln -s \"$0\" '{_files["\e[2J\aevil"]}'; exec '{_files["\e[2J\aevil"]}' \"$@\""], _files["agent.sock"], _files["hints"]);
        plugin.Do("register 1 10.0.0.1 10.0.0.2");

        var (_, output, _) = Ctl.Run(_files, "status");

        Assert.Contains("evil", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', output);
        Assert.DoesNotContain('\a', output);
        await agent.StopAsync();
    }

    [Fact]
    public void A_user_without_root_sees_it_all_the_same()
    {
        Prerequisites.RequireRoot();
        Prerequisites.RequireCommand("setpriv", "util-linux");
        File.SetUnixFileMode(_files.Path, (UnixFileMode)0x1ED);
        using var agent = AgentProcess.Start(_files);
        using var setpriv = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("setpriv",
            ["--reuid=65534", "--regid=65534", "--clear-groups", Ctl.Program, "status", "--agent", _files["status.json"]])
        { RedirectStandardOutput = true })!;
        Assert.Contains("serving", setpriv.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
        setpriv.WaitForExit();
        Assert.Equal(0, setpriv.ExitCode);
    }

    [Theory]
    [InlineData("frob")]
    [InlineData("[frob] bench --help")]
    [InlineData("status --no-such")]
    [InlineData("set 0")]
    [InlineData("top -n 0")]
    [InlineData("bench -n 0")]
    [InlineData("bench -n 1000001")]
    [InlineData("events -n -1")]
    [InlineData("events --slot 256")]
    public void A_command_line_that_makes_no_sense_ends_with_2(string arguments) => Assert.Equal(2, Ctl.Run(_files, arguments.Split(' ')).Code);

    [Fact]
    public void An_empty_path_is_no_path()
    {
        var (code, _, errors) = Ctl.RunWith(null, "status", "--agent", "");
        Assert.Equal((2, "mpibctl: --agent: expected a path, got ''\nmpibctl: see: mpibctl --help\n"), (code, errors));
    }

    [Theory]
    [InlineData("top -n x", "--count: expected 1 to 2147483647, got 'x'")]
    [InlineData("top -i x", "--interval: expected 0.1 to 60 seconds, got 'x'")]
    [InlineData("events -n 99999999999", "--lines: expected 0 to 2147483647, got '99999999999'")]
    [InlineData("events --slot 1.5", "--slot: expected 0 to 255, got '1.5'")]
    [InlineData("bench -n -1", "--rounds: expected 1 to 1000000, got '-1'")]
    public void What_is_no_such_number_is_told_in_a_line(string arguments, string expected)
    {
        var (code, _, errors) = Ctl.RunWith(null, arguments.Split(' '));
        Assert.Equal((2, $"mpibctl: {expected}\nmpibctl: see: mpibctl --help\n"), (code, errors));
    }

    [Theory]
    [InlineData("status", ">/dev/full", "No space left on device")]
    [InlineData("status --json", ">/dev/full", "No space left on device")]
    [InlineData("top -n 1", ">/dev/full", "No space left on device")]
    [InlineData("bench -n 1", ">/dev/full", "No space left on device")]
    [InlineData("status", ">&-", "Bad file descriptor")]
    public void Output_that_finds_no_place_is_told_in_a_line(string arguments, string redirection, string reason)
    {
        using var agent = AgentProcess.Start(_files);
        var (code, errors) = Redirected(arguments, redirection);
        Assert.Equal((1, $"mpibctl: {reason}\n"), (code, errors));
    }

    [Fact]
    public void Nor_does_it_take_more_when_nothing_can_be_told()
    {
        Assert.Equal((3, ""), Redirected("set 0 1", "2>&-"));
        Assert.Equal((2, ""), Redirected("frob", "2>/dev/full"));
    }

    private (int Code, string Errors) Redirected(string arguments, string redirection)
    {
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh",
            ["-c", $"exec {Ctl.Program} {arguments} --agent {_files["status.json"]} {redirection}"])
        { RedirectStandardError = true })!;
        var errors = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        return (shell.ExitCode, errors);
    }

    [Fact]
    public async Task An_agent_that_lives_and_is_newer_is_not_called_dead()
    {
        using var agent = AgentProcess.Start(_files);
        await agent.StopAsync();
        const string Reason = "expected version 1, found 2: the agent is newer; install the mpibctl that came with it";
        await File.WriteAllTextAsync(_files["status.json"], "{\"version\":2}", TestContext.Current.CancellationToken);
        Assert.Equal(3, Ctl.Run(_files, "status").Code);

        using var held = File.OpenHandle(_files["status.json"], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Assert.True(LivenessLock.TryTake(held));
        Assert.Equal((1, $"mpib-agent serving, degraded\n! {_files["status.json"]}: {Reason}\n"), Ctl.Run(_files, "status") is var (code, output, _) ? (code, output) : default);
        Assert.Contains("\"health\": \"degraded\"", Ctl.Run(_files, "status", "--json").Output, StringComparison.Ordinal);
        Assert.All(new string[][] { ["set", "0", "1"], ["unset", "0"], ["check"], ["bench"], ["top", "-n", "1"] }, command => Assert.Equal(1, Ctl.Run(_files, command).Code));
    }

    [Fact]
    public void Help_and_version_are_there()
    {
        Assert.Contains("status", Ctl.Run(_files, "--help").Output, StringComparison.Ordinal);
        Assert.Equal("mpibctl 0.1.0\n", Ctl.RunWith(null, "--version").Output);
    }
}
