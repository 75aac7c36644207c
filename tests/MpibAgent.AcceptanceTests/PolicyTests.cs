namespace MpibAgent.AcceptanceTests;

public sealed class PolicyTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string Rails = "[Rails]\\nSoutGbps = 100\\nSupGbps = 300\\n";

    [Fact]
    public async Task A_reload_changes_the_policy_and_what_the_operator_pins_outlasts_a_restart()
    {
        await Machine.ShellAsync($"cp /etc/mpib/agent.conf /opt/good.conf; printf '{Rails}' >/etc/mpib/agent.conf; systemctl restart mpib-agent");
        await using var alice = Client("alice");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        Assert.Equal("hint 1", await alice.AskAsync("hint 0"));

        var pid = await PropertyAsync("MainPID");
        await Machine.ShellAsync($"printf '[Policy]\\nName = capacity\\n{Rails}' >/etc/mpib/agent.conf; systemctl reload mpib-agent");
        await HintAsync(alice, 3);
        await StatusTextAsync("policy capacity, 1 flows, 1 connections, 75% on SUP (links of 100 and 300 Gb/s)");

        await Machine.ShellAsync("echo '0 7' >/run/mpib/control");
        await HintAsync(alice, 7);
        var journal = await Journal.FromNowAsync(Machine);
        await Machine.ShellAsync("printf '[Policy]\\nName = alternating\\nNmae = x\\n' >/etc/mpib/agent.conf; systemctl reload mpib-agent");
        Assert.Contains("1 faults", Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=reload-refused"))["MESSAGE"], StringComparison.Ordinal);
        Assert.Equal(pid, await PropertyAsync("MainPID"));

        await Machine.ShellAsync($"printf '[Policy]\\nName = capacity\\n{Rails}' >/etc/mpib/agent.conf; systemctl restart mpib-agent");
        Assert.NotEqual(pid, await PropertyAsync("MainPID"));
        Assert.Equal("hint 7", await alice.AskAsync("hint 0"));
        await Machine.ShellAsync("echo '0 auto' >/run/mpib/control");
        await HintAsync(alice, 3);

        await Machine.ShellAsync("mv /opt/good.conf /etc/mpib/agent.conf; systemctl restart mpib-agent");
    }

    private static Task<string> HintAsync(Plugin client, uint hint) => Wait.UntilAsync(() => client.AskAsync("hint 0"), answer => answer == $"hint {hint}");
}
