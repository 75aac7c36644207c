using System.Diagnostics;

namespace MpibAgent.AcceptanceTests;

/// <summary>A root who runs the agent by hand, and the service, one after the other.</summary>
public sealed class ForegroundTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task From_the_service_to_a_foreground_run_and_back_nothing_needs_cleaning()
    {
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");

        await Machine.ShellAsync($"systemctl stop {Units}");
        using (var foreground = await RunAsync("/usr/sbin/mpib-agent"))
        {
            Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
            await Machine.ShellAsync("echo 0 2 >/run/mpib/control");
            Assert.Equal("hint 2", await alice.AskAsync("wait-hint 0 2"));
            Assert.Equal(0, await InterruptAsync(foreground));
        }

        await SystemctlAsync("start", "mpib-agent");
        Assert.Equal("active", await PropertyAsync("ActiveState"));
        Assert.Equal(inode, await InodeAsync());
        Assert.Equal("ok 1", await alice.AskAsync("register 2 10.0.0.1 10.0.0.3"));
        Assert.Equal("entry 1 10.0.0.1 10.0.0.3", await alice.AskAsync("entry 1"));
    }

    [Fact]
    public async Task What_root_ran_before_the_install_is_taken_over()
    {
        await Machine.ShellAsync($"{Install} --uninstall --purge");
        string inode;
        using (var foreground = await RunAsync($"{SystemdMachine.Source}/mpib-agent"))
        {
            Assert.Equal("root", await Machine.ShellAsync("stat -c %U /tmp/mpib/hints"));
            inode = await InodeAsync();
            Assert.Equal(0, await InterruptAsync(foreground));
        }

        await Machine.ShellAsync($"{Install} --prebuilt {SystemdMachine.Source}/mpib-agent");

        Assert.Equal("active\nactive\nactive", await Machine.ShellAsync($"systemctl is-active {Units}"));
        Assert.Equal(inode, await InodeAsync());
        Assert.Equal("mpib\nmpib\nmpib", await Machine.ShellAsync("stat -c %U /tmp/mpib /tmp/mpib/hints /run/mpib/control"));
    }

    [Fact]
    public async Task A_second_agent_is_told_the_pid_of_the_first()
    {
        var pid = await MainPidAsync();

        var outcome = await Machine.RunAsync("/usr/sbin/mpib-agent");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains($"pid {pid}", outcome.Output + outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_the_service_stopped_and_its_sockets_held_a_foreground_run_is_refused_and_nothing_is_lost()
    {
        await SystemctlAsync("stop", "mpib-agent");

        var outcome = await Machine.RunAsync("/usr/sbin/mpib-agent");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("somebody is listening there already", outcome.Output + outcome.Errors, StringComparison.Ordinal);
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await StateAsync("active");
    }

    private async Task<Process> RunAsync(string agent)
    {
        var foreground = Machine.Start("root", agent);
        _ = foreground.StandardOutput.ReadToEndAsync();
        _ = foreground.StandardError.ReadToEndAsync();
        await Wait.UntilAsync(async () =>
            (await Machine.RunAsync("test", "-S", "/tmp/mpib/agent.sock", "-a", "-p", "/run/mpib/control")).ExitCode == 0);
        return foreground;
    }

    private async Task<int> InterruptAsync(Process foreground)
    {
        await Machine.ShellAsync("kill -INT $(cat /tmp/mpib/agent.lock)");
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await foreground.WaitForExitAsync(timeout.Token);
        return foreground.ExitCode;
    }
}
