namespace MpibAgent.AcceptanceTests;

/// <summary>The metrics of the installed service, in its own sandbox.</summary>
public sealed class MetricsTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string File = "/run/mpib/mpib-agent.prom";

    [Fact]
    public async Task The_file_for_Prometheus_follows_the_agent_and_goes_with_it()
    {
        await Machine.ShellAsync($"cp /etc/mpib/agent.conf /opt/good.conf; printf '[Metrics]\\nTextFile = {File}\\nIntervalSeconds = 1\\n' >/etc/mpib/agent.conf; "
            + "systemctl restart mpib-agent");
        Assert.Equal("mpib 644", await Machine.ShellAsync($"stat -c '%U %a' {File}"));
        await using var alice = Client("alice");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        await Machine.ShellAsync("echo '0 7' >/run/mpib/control; echo '0 banana' >/run/mpib/control");

        var text = await Wait.UntilAsync(() => Machine.ShellAsync($"cat {File}"), text => text.Contains("mpib_agent_command_errors_total 1", StringComparison.Ordinal));
        Assert.Contains("mpib_agent_slots_used 1\n", text, StringComparison.Ordinal);
        Assert.Contains("mpib_agent_registrations_total 1\n", text, StringComparison.Ordinal);
        Assert.Contains("mpib_agent_hint_writes_total{source=\"operator\"} 1\n", text, StringComparison.Ordinal);

        // Killed, and then a fault in the settings: nothing looks like an agent that lives.
        await Machine.ShellAsync("echo nonsense >>/etc/mpib/agent.conf; systemctl kill --signal=KILL mpib-agent");
        await StateAsync("failed");
        await Machine.ShellAsync($"test ! -e {File}; sed -i '$d' /etc/mpib/agent.conf; systemctl start mpib-agent; test -e {File}");

        await Machine.ShellAsync($"systemctl stop mpib-agent.socket mpib-control.socket mpib-agent; test ! -e {File}");
        await Machine.ShellAsync("mv /opt/good.conf /etc/mpib/agent.conf; systemctl start mpib-agent.socket mpib-control.socket mpib-agent");
    }

    [Fact]
    public async Task In_a_directory_of_the_system_there_is_no_file_and_nobody_is_told_to_remove_that()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await DropInAsync("Environment=MPIB_AGENT_METRICS_TEXTFILE=/run/mpib-agent.prom");
        await Machine.ShellAsync("systemctl restart mpib-agent");

        var entry = (await journal.EntriesAsync(1, "MPIB_EVENT=metrics-not-written"))[0];

        Assert.Equal("/run: belongs to root, not to mpib; choose a directory of the agent's own", entry["MPIB_REASON"]);
    }
}
