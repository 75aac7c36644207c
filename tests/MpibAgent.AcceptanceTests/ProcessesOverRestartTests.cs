namespace MpibAgent.AcceptanceTests;

/// <summary>Processes that end when no agent sees it.</summary>
public sealed class ProcessesOverRestartTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task What_ended_while_the_agent_was_stopped_is_gone_and_the_rest_is_there()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        await RegisterAsync(alice, bob);
        var pid = await bob.PidAsync();
        var journal = await Journal.FromNowAsync(Machine);

        await Machine.ShellAsync($"""
            systemctl stop mpib-agent
            kill -KILL {pid}
            while [ -e /proc/{pid} ]; do :; done
            systemctl start mpib-agent
            """);

        await VerifyAsync(alice);
        var ended = Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=process-ended-meanwhile"));
        Assert.Equal($"{pid}", ended["MPIB_PID"]);
        Assert.Equal("2", ended["MPIB_CONNECTIONS"]);
    }

    [Fact]
    public async Task What_is_killed_together_with_the_agent_is_gone_and_the_rest_is_there()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        await RegisterAsync(alice, bob);

        await Machine.ShellAsync($"kill -KILL {await MainPidAsync()} {await bob.PidAsync()}");

        await VerifyAsync(alice);
    }

    private static async Task RegisterAsync(Plugin alice, Plugin bob)
    {
        Assert.Equal("ok 0", await bob.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", await alice.AskAsync("register 1 10.0.0.1 10.0.0.3"));
        Assert.Equal("ok 1", await bob.AskAsync("register 2 10.0.0.1 10.0.0.3"));
    }

    private async Task VerifyAsync(Plugin alice)
    {
        await StatusTextAsync("policy manual, 1 flows, 1 connections");
        Assert.Equal("entry 1 0.0.0.0 0.0.0.0", await alice.AskAsync("entry 0"));
        Assert.Equal("ok 1", await alice.AskAsync("register 1 10.0.0.1 10.0.0.3"));
        Assert.Equal("ok 0", await alice.AskAsync("register 2 10.0.0.1 10.0.0.4"));
        await StatusTextAsync("policy manual, 2 flows, 2 connections");
    }
}
