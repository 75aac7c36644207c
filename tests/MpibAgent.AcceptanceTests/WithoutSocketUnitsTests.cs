namespace MpibAgent.AcceptanceTests;

public sealed class WithoutSocketUnitsTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Machine.ShellAsync($"""
            systemctl stop {Units}
            systemctl mask --runtime mpib-agent.socket mpib-control.socket
            systemctl start mpib-agent
            """);
    }

    public override async ValueTask DisposeAsync()
    {
        await Machine.ShellAsync("systemctl stop mpib-agent; systemctl unmask --runtime mpib-agent.socket mpib-control.socket");
        await base.DisposeAsync();
    }

    [Fact]
    public async Task The_agent_makes_socket_and_fifo_itself()
    {
        await using var alice = Client("alice");

        Assert.Equal("/tmp/mpib/agent.sock srw-rw-rw- mpib:mpib\n/run/mpib/control prw--w---- mpib:mpib",
            await Machine.ShellAsync("stat -c '%n %A %U:%G' /tmp/mpib/agent.sock /run/mpib/control"));
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await Machine.RunAsUserAsync("oscar", "sh", "-c", "echo 0 2 >/run/mpib/control");
        Assert.Equal("hint 2", await alice.AskAsync("wait-hint 0 2"));
    }

    [Fact]
    public async Task The_socket_units_take_over_what_it_left()
    {
        await Machine.ShellAsync("systemctl kill --signal=KILL mpib-agent; systemctl stop mpib-agent; "
            + $"systemctl unmask --runtime mpib-agent.socket mpib-control.socket; systemctl start {Units}");

        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("active\nactive\nactive", await Machine.ShellAsync($"systemctl is-active {Units}"));
    }
}
