namespace MpibAgent.AcceptanceTests;

public sealed class SettingsTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task The_shipped_file_documents_every_setting_with_its_default()
    {
        // Each "# Key = default" made a setting; the one fault left is the one on the command line.
        await Machine.ShellAsync("sed -E 's/^# ([A-Z][A-Za-z]* = )/\\1/' /etc/mpib/agent.conf >/opt/all.conf");
        var outcome = await Machine.RunAsync("/usr/sbin/mpib-agent", "--config", "/opt/all.conf", "--max-peers", "none");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Single(outcome.Errors.Trim().Split('\n'));
        Assert.Contains("--max-peers", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_of_the_file_takes_effect()
    {
        await Machine.ShellAsync($"""
            systemctl stop {Units}
            rm -r /tmp/mpib
            printf '[Hints]\nInitial = 4\n' >/etc/mpib/agent.conf
            systemctl start mpib-agent
            rm /etc/mpib/agent.conf
            """);
        await using var alice = Client("alice");

        Assert.Equal("hint 4", await alice.AskAsync("hint 17"));
    }

    [Fact]
    public async Task A_bad_setting_ends_the_start_with_2_and_once_mended_all_is_back()
    {
        await Machine.ShellAsync("cp /etc/mpib/agent.conf /opt/good.conf; printf '[Hints]\\nInital = 4\\n' >/etc/mpib/agent.conf");

        var restart = await SystemctlAsync("restart", "mpib-agent");
        Assert.NotEqual(0, restart.ExitCode);
        await StateAsync("failed");
        Assert.Equal("2", await PropertyAsync("ExecMainStatus"));
        Assert.Equal("0", await PropertyAsync("NRestarts"));
        Assert.Equal("inactive", await PropertyAsync("ActiveState", "mpib-agent.socket"));
        _ = await Wait.UntilAsync(() => Machine.ShellAsync("journalctl --unit=mpib-agent --priority=err --lines=20"),
            text => text.Contains("mpib-agent: /etc/mpib/agent.conf:2: [Hints] Inital: there is no such setting", StringComparison.Ordinal), "the fault is in the journal");

        await Machine.ShellAsync("mv /opt/good.conf /etc/mpib/agent.conf; systemctl restart mpib-agent");
        Assert.Equal("active\nactive\nactive", await Machine.ShellAsync($"systemctl is-active {Units}"));
    }

    [Fact]
    public async Task A_request_that_waits_does_not_make_a_bad_setting_a_loop()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await SystemctlAsync("stop", "mpib-agent");
        await Machine.ShellAsync("cp /etc/mpib/agent.conf /opt/good.conf; echo nonsense >/etc/mpib/agent.conf");
        await Machine.ShellAsync("echo 0 2 >/run/mpib/control");

        await StateAsync("failed");
        await Wait.UntilAsync(() => PropertyAsync("ActiveState", "mpib-control.socket"), state => state == "inactive");

        await Machine.ShellAsync("mv /opt/good.conf /etc/mpib/agent.conf; systemctl start mpib-agent");
        Assert.Single(await journal.EntriesAsync(1, "EXIT_STATUS=2"));
    }
}
