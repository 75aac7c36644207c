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
        Assert.Contains("faults in the settings: 1;", Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=reload-refused"))["MESSAGE"], StringComparison.Ordinal);
        Assert.Equal(pid, await PropertyAsync("MainPID"));

        await Machine.ShellAsync($"printf '[Policy]\\nName = capacity\\n{Rails}' >/etc/mpib/agent.conf; systemctl restart mpib-agent");
        Assert.NotEqual(pid, await PropertyAsync("MainPID"));
        Assert.Equal("hint 7", await alice.AskAsync("hint 0"));
        await Machine.ShellAsync("echo '0 auto' >/run/mpib/control");
        await HintAsync(alice, 3);

        await Machine.ShellAsync("mv /opt/good.conf /etc/mpib/agent.conf; systemctl restart mpib-agent");
    }

    [Fact]
    public async Task In_the_sandbox_the_kernel_tells_of_links_while_there_is_a_flow_to_steer()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await Machine.ShellAsync("cp /etc/mpib/agent.conf /opt/good.conf");
        await Machine.ShellAsync(@"printf '[Policy]\nName = adaptive\n[Rails]\nSout = lo\nSup = lo\n' >/etc/mpib/agent.conf; systemctl restart mpib-agent");
        Assert.Equal("0", await LinkListenersAsync());
        await using (var alice = Client("alice"))
        {
            await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
            await Wait.UntilAsync(LinkListenersAsync, count => count == "1");
        }

        await Wait.UntilAsync(LinkListenersAsync, count => count == "0");
        Assert.Empty(await journal.EntriesAsync(0, "MPIB_EVENT=links-not-told"));
        await Machine.ShellAsync("mv /opt/good.conf /etc/mpib/agent.conf; systemctl restart mpib-agent");
    }

    /// <summary>How many sockets of the agent listen to NETLINK_ROUTE's group of links.</summary>
    private async Task<string> LinkListenersAsync() => await Machine.ShellAsync(
        $"awk '$2 == 0 && $3 == {await MainPidAsync()} && $4 == \"00000001\"' /proc/net/netlink | wc -l");

    private static Task<string> HintAsync(Plugin client, uint hint) => Wait.UntilAsync(() => client.AskAsync("hint 0"), answer => answer == $"hint {hint}");
}
