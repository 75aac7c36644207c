using System.Text.Json;

namespace MpibAgent.AcceptanceTests;

/// <summary>mpibctl as it is shipped, beside the installed service.</summary>
public sealed class CtlTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task Every_user_sees_the_agent_its_slots_and_their_processes()
    {
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        var pid = await alice.PidAsync();

        var outcome = await Machine.RunAsUserAsync("bob", "mpibctl", "status");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"serving, pid {await MainPidAsync()}, up ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains($"{pid} alice plugin", outcome.Output, StringComparison.Ordinal);
        Assert.Equal("mpib 644", await Machine.ShellAsync("stat -c '%U %a' /run/mpib/status.json"));
    }

    [Fact]
    public async Task Under_hidepid_it_says_what_it_cannot_see_and_still_knows_that_the_agent_lives()
    {
        await using var alice = Client("alice");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        var pid = await alice.PidAsync();
        const string Hidden = "unshare --mount sh -c 'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=bob --regid=bob --clear-groups mpibctl status'";

        var outcome = await Machine.ShellAsync(Hidden);

        Assert.Contains("serving, pid", outcome, StringComparison.Ordinal);
        Assert.Contains($"{pid} alice ?", outcome, StringComparison.Ordinal);
        Assert.Contains("not seen: the command names of 1 of 1 processes", outcome, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_another_pid_namespace_pids_are_not_taken_for_processes_there()
    {
        await using var alice = Client("alice");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        var outcome = await Machine.ShellAsync("unshare --pid --fork --mount-proc mpibctl status");
        Assert.Contains("serving, pid", outcome, StringComparison.Ordinal);
        Assert.Contains("the agent is in another pid namespace", outcome, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_operator_sets_and_unsets_and_others_are_told_why_they_may_not()
    {
        await using var alice = Client("alice");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");

        var outcome = await Machine.RunAsUserAsync("oscar", "mpibctl", "set", "10.0.0.1,10.0.0.2", "75%");
        Assert.Equal("slot 0 (10.0.0.1 > 10.0.0.2): hint 3, 75.0% on SUP (the nearest to 75% in encoding multiplier), pinned", outcome.Text);
        Assert.Equal("hint 3", await alice.AskAsync("hint 0"));

        var refused = await Machine.RunAsUserAsync("alice", "mpibctl", "set", "0", "1");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("no permission to write; run it with sudo, or join its group", refused.Errors, StringComparison.Ordinal);
        Assert.Equal("hint 3", await alice.AskAsync("hint 0"));

        Assert.StartsWith("slot 0: given back to policy manual; hint 1", (await Machine.RunAsUserAsync("oscar", "mpibctl", "unset", "0")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_tell_what_happened_a_line_each()
    {
        await Machine.ShellAsync("mpibctl set 5 2");
        var seen = await Wait.UntilAsync(async () => (await Machine.RunAsync("mpibctl", "events", "-n", "1", "--slot", "5")).Text,
            text => text.Contains("hint-set", StringComparison.Ordinal));
        Assert.Matches(@"^\w{3} \d\d \d\d:\d\d:\d\d\.\d{3}  hint-set            slot 5: hint 2 by operator, 66\.7% on SUP$", seen);

        using var follow = Machine.Start("root", "mpibctl", "events", "-f", "-n", "0", "--event", "hint-set");
        var line = follow.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        await Wait.UntilAsync(async () =>
        {
            await Machine.ShellAsync("mpibctl set 6 3");
            return line.IsCompleted;
        });
        Assert.Contains("slot 6: hint 3", await line, StringComparison.Ordinal);
        follow.Kill(entireProcessTree: true);
    }

    [Fact]
    public async Task Check_finds_nothing_wrong_with_what_was_installed_and_names_what_is()
    {
        var sound = await Machine.RunAsync("mpibctl", "check");
        Assert.True(sound.ExitCode == 0, sound.ToString());
        Assert.Contains("ok    unit      mpib-agent.service is active (running)", sound.Output, StringComparison.Ordinal);
        Assert.Contains("all is well", sound.Output, StringComparison.Ordinal);

        await Machine.ShellAsync($"systemctl stop {Units}");
        var stopped = await Machine.RunAsync("mpibctl", "check");
        Assert.Equal(3, stopped.ExitCode);
        Assert.Contains("WRONG unit      mpib-agent.service is inactive", stopped.Output, StringComparison.Ordinal);
        Assert.Contains("run: sudo systemctl start mpib-agent", stopped.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_takes_an_agent_that_was_started_by_hand_for_what_it_is()
    {
        await Machine.ShellAsync($"systemctl stop {Units}");
        using var agent = Machine.Start("root", "/usr/sbin/mpib-agent");
        var check = await Wait.UntilAsync(() => Machine.RunAsync("mpibctl", "check"), outcome => outcome.ExitCode == 0);

        Assert.Contains("odd   unit      mpib-agent.service is inactive: the agent was started by hand", check.Output, StringComparison.Ordinal);
        Assert.Contains("odd   unit      mpib-agent.socket is inactive: the agent was started by hand", check.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("WRONG", check.Output, StringComparison.Ordinal);

        await Machine.ShellAsync(Assert.Single(Mends(check.Output)).Replace(';', '\n'));
        await SoundAsync();
    }

    [Fact]
    public async Task Check_says_how_to_take_over_what_a_user_has_left()
    {
        await Machine.ShellAsync($"systemctl stop {Units}; rm -r /tmp/mpib");
        using (var agent = Machine.Start("alice", "/usr/sbin/mpib-agent"))
        {
            await Wait.UntilAsync(async () => (await Machine.RunAsync("test", "-S", "/tmp/mpib/agent.sock")).ExitCode == 0);
            await Machine.ShellAsync("kill $(cat /tmp/mpib/agent.lock)");
            await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.NotEqual(0, (await SystemctlAsync("start", "mpib-agent")).ExitCode);
        var check = await Machine.RunAsync("mpibctl", "check");

        Assert.Contains("WRONG region    /tmp/mpib/agent.lock belongs to alice", check.Output, StringComparison.Ordinal);
        await Machine.ShellAsync(Assert.Single(Mends(check.Output), mend => mend.Contains("rm -r /tmp/mpib", StringComparison.Ordinal)).Replace(';', '\n'));
        await SoundAsync();
    }

    [Fact]
    public async Task A_link_in_the_place_of_the_regions_directory_is_not_followed_and_check_says_what_to_do()
    {
        await Machine.ShellAsync($"systemctl stop {Units}; rm -r /tmp/mpib; setpriv --reuid=alice ln -s /run/mpib /tmp/mpib");

        Assert.NotEqual(0, (await SystemctlAsync("start", "mpib-agent")).ExitCode);
        Assert.Equal("", await Machine.ShellAsync("find /run/mpib -name hints -o -name agent.sock"));
        var check = await Machine.RunAsync("mpibctl", "check");

        await Machine.ShellAsync(Assert.Single(Mends(check.Output), mend => mend.StartsWith("rm /tmp/mpib", StringComparison.Ordinal)).Replace(';', '\n'));
        await SoundAsync();
    }

    [Theory]
    [InlineData("systemctl mask --runtime mpib-agent.socket; systemctl stop mpib-agent.socket; systemctl restart mpib-agent; systemctl unmask --runtime mpib-agent.socket",
        "WRONG unit      mpib-agent.socket is inactive")]
    [InlineData("rm -r /run/mpib", "WRONG agent     the service runs, and its status is not at /run/mpib/status.json")]
    [InlineData("chown alice /tmp/mpib", "WRONG directory /tmp/mpib belongs to alice")]
    [InlineData("chown alice /tmp/mpib/hints", "WRONG region    /tmp/mpib/hints: belongs to alice")]
    [InlineData("rm /tmp/mpib/hints; mkdir /tmp/mpib/hints", "WRONG region    /tmp/mpib/hints: expected a regular file")]
    [InlineData("rm /tmp/mpib/agent.sock; mkdir /tmp/mpib/agent.sock", "WRONG socket    /tmp/mpib/agent.sock: there is no socket")]
    [InlineData("rm /run/mpib/control; mkdir /run/mpib/control", "WRONG control   /run/mpib/control: Is a directory")]
    [InlineData("rm -r /tmp/mpib", "WRONG region    /tmp/mpib/hints: there is no hint region")]
    public async Task What_check_says_to_run_mends_it(string harm, string expected)
    {
        await Machine.ShellAsync(harm);
        var check = await Machine.RunAsync("mpibctl", "check");
        Assert.Contains(expected, check.Output, StringComparison.Ordinal);
        await Machine.ShellAsync(string.Join('\n', Mends(check.Output).Distinct()));
        await SoundAsync();
    }

    [Fact]
    public async Task A_group_that_alone_registers_is_nothing_wrong_and_joined()
    {
        await Machine.ShellAsync("""
            groupadd --force train
            mkdir -p /run/systemd/system/mpib-agent.socket.d
            printf '[Socket]\nSocketMode=0660\nSocketGroup=train\n' >/run/systemd/system/mpib-agent.socket.d/test.conf
            systemctl daemon-reload
            systemctl restart mpib-agent.socket
            """);
        await StatusTextAsync(Idle);

        var check = await Machine.RunAsUserAsync("alice", "mpibctl", "check");

        Assert.Equal(0, check.ExitCode);
        Assert.Contains("-     socket    /tmp/mpib/agent.sock: its group alone may connect", check.Output, StringComparison.Ordinal);
        await Machine.ShellAsync(Assert.Single(Mends(check.Output), mend => mend.Contains("agent.sock", StringComparison.Ordinal)).Replace("$USER", "alice", StringComparison.Ordinal));
        Assert.Contains("agent.sock answers", (await Machine.RunAsUserAsync("alice", "mpibctl", "check")).Output, StringComparison.Ordinal);
        await Machine.ShellAsync("gpasswd --delete alice train; rm -r /run/systemd/system/mpib-agent.socket.d; systemctl daemon-reload; systemctl restart mpib-agent.socket");
    }

    [Fact]
    public async Task A_stop_a_kill_and_a_restart_show()
    {
        await Machine.ShellAsync($"systemctl stop {Units}");
        Assert.Equal(3, (await Machine.RunAsync("mpibctl", "status")).ExitCode);
        Assert.NotEqual(0, (await Machine.RunAsync("test", "-e", "/run/mpib/status.json")).ExitCode);
        await SystemctlAsync("start", "mpib-agent");
        Assert.Equal("restarted", await StartAsync());

        await Machine.ShellAsync("systemctl kill --signal=KILL mpib-agent");
        await Wait.UntilAsync(StartAsync, start => start == "recovered");
    }

    [Fact]
    public async Task Bench_measures_the_service_and_leaves_nothing()
    {
        var outcome = await Machine.RunAsUserAsync("alice", "mpibctl", "bench", "-n", "200");
        Assert.Matches("register  ( +[0-9]+){5}\n", outcome.Text);
        await StatusTextAsync(Idle);
    }

    /// <summary>The commands that it says to run, as root does.</summary>
    private static string[] Mends(string output) =>
        [.. output.Split('\n').Where(line => line.Contains(" run: ", StringComparison.Ordinal)).Select(line => line.Split(" run: ")[1].Replace("sudo ", "", StringComparison.Ordinal))];

    private async Task SoundAsync()
    {
        var outcome = await Wait.UntilAsync(() => Machine.RunAsync("mpibctl", "check"), outcome => outcome.ExitCode == 0);
        Assert.Contains("all is well", outcome.Output, StringComparison.Ordinal);
    }

    private async Task<string> StartAsync()
    {
        var outcome = await Machine.RunAsync("mpibctl", "status", "--json");
        using var report = JsonDocument.Parse(outcome.Output);
        return report.RootElement.GetProperty("agent") is { ValueKind: JsonValueKind.Object } agent && outcome.ExitCode == 0 ? agent.GetProperty("start").GetString()! : "";
    }
}
