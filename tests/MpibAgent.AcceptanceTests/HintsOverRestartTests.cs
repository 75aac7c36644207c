namespace MpibAgent.AcceptanceTests;

/// <summary>Hints over a crash, and who set them: what an operator set stays, what nobody set follows the setting.</summary>
public sealed class HintsOverRestartTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task What_an_operator_set_for_a_slot_stays()
    {
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await Machine.ShellAsync("printf '0 7\\n200 8\\n' >/run/mpib/control");
        await alice.AskAsync("wait-hint 200 8");

        await CrashAsync(newInitialHint: 3);

        Assert.Equal("hint 3", await alice.AskAsync("wait-hint 201 3"));
        Assert.Equal("entry 7 10.0.0.1 10.0.0.2", await alice.AskAsync("entry 0"));
        Assert.Equal("hint 8", await alice.AskAsync("hint 200"));
        Assert.Equal("ok", await alice.AskAsync("deregister 1"));
        Assert.Equal("hint 3", await alice.AskAsync("wait-hint 0 3"));
    }

    [Fact]
    public async Task What_an_operator_set_for_all_stays_the_initial_hint()
    {
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await Machine.ShellAsync("printf 'all 5\\n0 7\\n' >/run/mpib/control");
        await alice.AskAsync("wait-hint 0 7");

        await CrashAsync(newInitialHint: 3);

        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("hint 5", await alice.AskAsync("hint 201"));
        Assert.Equal("hint 7", await alice.AskAsync("hint 0"));
        Assert.Equal("ok", await alice.AskAsync("deregister 1"));
        Assert.Equal("hint 5", await alice.AskAsync("wait-hint 0 5"));
    }

    private async Task CrashAsync(int newInitialHint)
    {
        await DropInAsync($"Environment=MPIB_AGENT_HINTS_INITIAL={newInitialHint}");
        var pid = await MainPidAsync();
        await Machine.ShellAsync($"kill -KILL {pid}");
        await Wait.UntilAsync(MainPidAsync, now => now != pid && now != 0);
        await StateAsync("active");
    }
}
