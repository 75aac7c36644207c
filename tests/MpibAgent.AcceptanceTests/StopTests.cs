namespace MpibAgent.AcceptanceTests;

public sealed class StopTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task A_stopped_agent_has_exited_with_0_and_not_failed()
    {
        await SystemctlAsync("stop", "mpib-agent");

        Assert.Equal("inactive", await PropertyAsync("ActiveState"));
        Assert.Equal("success", await PropertyAsync("Result"));
        Assert.Equal("1", await PropertyAsync("ExecMainCode")); // CLD_EXITED
        Assert.Equal("0", await PropertyAsync("ExecMainStatus"));
    }

    [Fact]
    public async Task A_registration_starts_it_again()
    {
        await SystemctlAsync("stop", "mpib-agent");
        await using var alice = Client("alice");

        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));

        await StateAsync("active");
    }

    [Fact]
    public async Task A_command_starts_it_again_and_is_carried_out()
    {
        await using var alice = Client("alice");
        await alice.AskAsync("hint 0");
        await SystemctlAsync("stop", "mpib-agent");

        await Machine.ShellAsync("echo 0 8 >/run/mpib/control");

        Assert.Equal("hint 8", await alice.AskAsync("wait-hint 0 8"));
        await StateAsync("active");
    }

    [Fact]
    public async Task With_its_sockets_it_is_stopped_for_good()
    {
        await using var alice = Client("alice");

        await Machine.ShellAsync($"systemctl stop {Units}");

        Assert.Equal("error ENOENT", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("inactive", await PropertyAsync("ActiveState"));
        Assert.Equal("/run/mpib/state\n/run/mpib/state.lock\n/tmp/mpib/agent.lock\n/tmp/mpib/hints", await Machine.ShellAsync("find /tmp/mpib /run/mpib -mindepth 1 | sort"));
    }
}
