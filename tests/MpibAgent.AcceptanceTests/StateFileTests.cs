namespace MpibAgent.AcceptanceTests;

/// <summary>A state file that was spoilt while the agent was stopped.</summary>
public sealed class StateFileTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string State = "/run/mpib/state";

    [Theory]
    [InlineData("head -c 100000 /dev/urandom >STATE")]
    [InlineData("dd if=/dev/urandom of=STATE bs=64 count=1 conv=notrunc status=none")]
    [InlineData("truncate --size=-1 STATE")]
    [InlineData("printf '\\002' | dd of=STATE bs=1 seek=8 conv=notrunc status=none")]
    public async Task What_cannot_be_used_is_set_aside_and_flows_keep_the_slots_that_the_region_names(string spoil)
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        Assert.Equal("ok 1", await alice.AskAsync("register 2 10.0.0.1 10.0.0.3"));
        Assert.Equal("ok 2", await bob.AskAsync("register 3 10.0.0.1 10.0.0.4"));
        await alice.AskAsync("deregister 1");
        await Machine.ShellAsync("echo 2 7 >/run/mpib/control");
        await alice.AskAsync("wait-hint 2 7");
        var journal = await Journal.FromNowAsync(Machine);

        await Machine.ShellAsync($"""
            systemctl stop mpib-agent
            {spoil.Replace("STATE", State, StringComparison.Ordinal)}
            cp {State} /opt/spoilt
            systemctl start mpib-agent
            cmp /opt/spoilt {State}.invalid-1
            """);

        Assert.Equal("policy manual, 2 flows, 0 connections", await PropertyAsync("StatusText"));
        var aside = Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=state-set-aside"));
        Assert.Equal("4", aside["PRIORITY"]);
        Assert.Contains($"{State}.invalid-1", aside["MESSAGE"], StringComparison.Ordinal);
        Assert.Equal("entry 7 10.0.0.1 10.0.0.4", await alice.AskAsync("entry 2"));
        Assert.Equal("ok 0", await bob.AskAsync("register 4 10.0.0.1 10.0.0.5"));
        Assert.Equal("ok 2", await bob.AskAsync("register 3 10.0.0.1 10.0.0.4"));
        Assert.Equal("ok 1", await alice.AskAsync("register 2 10.0.0.1 10.0.0.3"));
        await StatusTextAsync("policy manual, 3 flows, 3 connections");
    }

    [Fact]
    public async Task Anothers_file_is_refused_and_once_it_is_gone_all_that_waited_is_served()
    {
        await using var alice = Client("alice");
        var journal = await Journal.FromNowAsync(Machine);

        await Machine.ShellAsync($"systemctl stop mpib-agent; rm {State}; echo mine >{State}");
        Assert.NotEqual(0, (await SystemctlAsync("start", "mpib-agent")).ExitCode);
        var waiting = alice.AskAsync("register 1 10.0.0.1 10.0.0.2");

        var fault = (await journal.EntriesAsync(1, "MPIB_EVENT=fault"))[0];
        Assert.Contains($"{State}: belongs to root, not to mpib", fault["MESSAGE"], StringComparison.Ordinal);
        Assert.Equal("mine", await Machine.ShellAsync($"cat {State}; rm {State}"));
        Assert.Equal("ok 0", await waiting);
        await StateAsync("active");
    }
}
