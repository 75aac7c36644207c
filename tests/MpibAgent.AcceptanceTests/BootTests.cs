namespace MpibAgent.AcceptanceTests;

public sealed class BootTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task After_a_boot_the_agent_serves_on_a_new_region()
    {
        await Machine.ShellAsync("echo all 5 >/run/mpib/control");

        await Machine.RebootAsync();

        Assert.Equal("active\nactive\nactive", await Machine.ShellAsync($"systemctl is-active {Units}"));
        Assert.Equal(Idle, await PropertyAsync("StatusText"));
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("entry 1 10.0.0.1 10.0.0.2", await alice.AskAsync("entry 0"));
    }
}
