namespace MpibAgent.AcceptanceTests;

public sealed class RestartTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Theory]
    [InlineData("systemctl restart mpib-agent")]
    [InlineData("systemctl kill --signal=KILL mpib-agent")]
    [InlineData("systemctl restart mpib-agent.socket mpib-control.socket")]
    public async Task The_region_and_a_readers_mapping_stay(string restart)
    {
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");
        await Machine.ShellAsync("echo 0 2 >/run/mpib/control");
        await alice.AskAsync("wait-hint 0 2");
        var pid = await MainPidAsync();

        await Machine.ShellAsync(restart);

        await Wait.UntilAsync(MainPidAsync, now => now != pid && now != 0);
        await StateAsync("active");
        Assert.Equal(inode, await InodeAsync());
        Assert.Equal("hint 2", await alice.AskAsync("hint 0"));
        await Machine.ShellAsync("echo 0 7 >/run/mpib/control");
        Assert.Equal("hint 7", await alice.AskAsync("wait-hint 0 7"));
    }

    [Fact]
    public async Task Registrations_meanwhile_wait_and_none_fails()
    {
        await using var alice = Client("alice");
        var restarts = Machine.ShellAsync("for i in 1 2 3 4 5 6 7 8 9 10; do systemctl restart mpib-agent; done");

        for (var i = 0; !restarts.IsCompleted || i < 10; i++)
        {
            Assert.Equal("ok 0", await alice.AskAsync($"register {i} 10.0.0.1 10.0.0.2"));
            Assert.Equal("ok", await alice.AskAsync($"deregister {i}"));
        }

        await restarts;
        Assert.Equal("active", await PropertyAsync("ActiveState"));
    }

    [Fact]
    public async Task Commands_meanwhile_wait_and_none_is_lost()
    {
        await using var alice = Client("alice");
        var restarts = Machine.ShellAsync("for i in 1 2 3 4 5; do systemctl restart mpib-agent; done");

        for (var hint = 1000; !restarts.IsCompleted || hint < 1010; hint++)
        {
            await Machine.ShellAsync($"echo 3 {hint} >/run/mpib/control");
            Assert.Equal($"hint {hint}", await alice.AskAsync($"wait-hint 3 {hint}"));
        }

        await restarts;
    }

    [Fact]
    public async Task A_removed_region_directory_is_back_with_all_that_was_in_it()
    {
        await Machine.ShellAsync("rm -r /tmp/mpib; systemctl restart mpib-agent");

        await StateAsync("active");
        Assert.Equal("mpib 755", await Machine.ShellAsync("stat -c '%U %a' /tmp/mpib"));
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("entry 1 10.0.0.1 10.0.0.2", await alice.AskAsync("entry 0"));
    }

    [Theory]
    [InlineData("rm /run/mpib/control")]
    [InlineData("rm /run/mpib/control; echo 0 2 >/run/mpib/control")]
    [InlineData("rm -r /run/mpib /tmp/mpib")]
    public async Task A_fifo_that_is_gone_is_back_after_a_restart_of_the_service_alone(string harm)
    {
        await Machine.ShellAsync($"{harm}; systemctl restart mpib-agent");

        await using var alice = Client("alice");
        await Wait.UntilAsync(async () => (await Machine.RunAsync("test", "-p", "/run/mpib/control")).ExitCode == 0);
        await Machine.ShellAsync("echo 0 2 >/run/mpib/control");
        await Wait.UntilAsync(async () => await Machine.ShellAsync($"systemctl is-active {Units} || :") == "active\nactive\nactive");
        Assert.Equal("hint 2", await alice.AskAsync("wait-hint 0 2"));
    }

    [Fact]
    public async Task A_removed_run_directory_is_back_with_the_fifo()
    {
        await Machine.ShellAsync("rm -r /run/mpib; systemctl restart mpib-control.socket");

        await StateAsync("active");
        Assert.Equal("mpib:mpib 620", await Machine.ShellAsync("stat -c '%U:%G %a' /run/mpib/control"));
        await using var alice = Client("alice");
        await Machine.ShellAsync("echo 0 2 >/run/mpib/control");
        Assert.Equal("hint 2", await alice.AskAsync("wait-hint 0 2"));
    }
}
