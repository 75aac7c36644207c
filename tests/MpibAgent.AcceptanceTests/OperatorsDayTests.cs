namespace MpibAgent.AcceptanceTests;

/// <summary>A day with the package, from the first command to the last, by what an operator types and sees.</summary>
public sealed class OperatorsDayTests(SystemdMachine machine) : PackagedTest(machine)
{
    private const string Rails = "/opt/rails";

    /// <summary>Two network interfaces as sysfs shows them.</summary>
    private const string MakeRails = $"""
        for nic in eth1 eth2; do
            mkdir -p {Rails}/class/net/$nic/statistics
            cd {Rails}/class/net/$nic
            echo up >operstate; echo 1 >carrier; echo 100000 >speed; echo 1000000000000 >statistics/tx_bytes
        done
        """;

    /// <summary>Traffic of 2 GB/s on each, for as long as it is let: a rail that has a file named stall beside it no longer counts.</summary>
    private const string Send = $"""
        sent=1000000000000
        while sent=$((sent + 100000000)) && sleep 0.05; do
            for nic in eth1 eth2; do
                cd {Rails}/class/net/$nic || exit 0
                test -e stall || printf %s $sent | dd of=statistics/tx_bytes conv=notrunc status=none
            done
        done
        """;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Machine.ShellAsync($"rm -rf {Rails}; {MakeRails}");
    }

    public override async ValueTask DisposeAsync()
    {
        await Machine.ShellAsync($"rm -rf {Rails}");
        await base.DisposeAsync();
    }

    [Fact]
    public async Task From_the_package_to_its_removal()
    {
        using var traffic = Machine.Start("root", "sh", "-ec", Send);

        // Install, and name the rails.
        await Machine.ShellAsync($"apt-get install --yes {OldAgent}");
        await Machine.ShellAsync($"""
            printf '[Rails]\nSout = eth1\nSup = eth2\nSysRoot = {Rails}\n[Policy]\nName = capacity\n' >>/etc/mpib/agent.conf
            mpib-agent --check-config /etc/mpib/agent.conf
            systemctl restart mpib-agent
            """);
        Assert.Contains("all is well", await Machine.ShellAsync("mpibctl check"), StringComparison.Ordinal);

        // A job arrives; look.
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        var seen = await ScreenAsync("mpibctl status", "10.0.0.2");
        Assert.Contains($"{await alice.PidAsync()} alice plugin", seen, StringComparison.Ordinal);
        Assert.Contains("capacity", seen, StringComparison.Ordinal);
        Assert.Equal("hint 1", await alice.AskAsync("wait-hint 0 1"));

        // Set; the job has it.
        Assert.Contains("hint 3, 75.0% on SUP", await Machine.ShellAsync("mpibctl set 10.0.0.1,10.0.0.2 75%"), StringComparison.Ordinal);
        Assert.Equal("hint 3", await alice.AskAsync("hint 0"));
        await ScreenAsync("mpibctl events -n 20", "slot 0: hint 3 by operator");

        // Watch; a rail's counter stalls, and counts again.
        await ScreenAsync("mpibctl top -n 2 -i 0.2", "eth2");
        await Machine.ShellAsync("mpibctl unset 0; systemctl reload mpib-agent");
        await Machine.ShellAsync($"touch {Rails}/class/net/eth2/stall; sed -i 's/capacity/adaptive/' /etc/mpib/agent.conf; systemctl reload mpib-agent");
        await Wait.UntilAsync(() => Machine.RunAsync("mpibctl", "status"), outcome =>
            outcome.ExitCode == 1 && outcome.Output.Contains("its counter stands still", StringComparison.Ordinal));
        await ScreenAsync("mpibctl events -n 20", "rail-counter-frozen");
        await Machine.ShellAsync($"rm {Rails}/class/net/eth2/stall");
        await Wait.UntilAsync(() => Machine.RunAsync("mpibctl", "status"), outcome => outcome.ExitCode == 0);

        // Reload: a bad file changes nothing, a good one at once.
        var pid = await MainPidAsync();
        await Machine.ShellAsync("sed -i 's/adaptive/adoptive/' /etc/mpib/agent.conf");
        Assert.NotEqual(0, (await Machine.RunAsync("mpib-agent", "--check-config", "/etc/mpib/agent.conf")).ExitCode);
        await Machine.ShellAsync("systemctl reload mpib-agent");
        await ScreenAsync("mpibctl events -n 20", "reload-refused");
        await Machine.ShellAsync("sed -i 's/adoptive/manual/' /etc/mpib/agent.conf; systemctl reload mpib-agent");
        await StatusTextAsync("policy manual, 1 flows, 1 connections");
        await Machine.ShellAsync("mpibctl set 0 5");
        Assert.Equal(pid, await MainPidAsync());

        // Upgrade under the job, and remove.
        await Machine.ShellAsync($"dpkg --install {NewAgent}");
        Assert.NotEqual(pid, await MainPidAsync());
        await ScreenAsync("mpibctl status", "10.0.0.2");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await Machine.ShellAsync($"dpkg --remove mpib-agent; rm -r {Rails}");
        Assert.Equal("hint 5", await alice.AskAsync("hint 0"));
        await traffic.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    private Task<string> ScreenAsync(string command, string expected) =>
        Wait.UntilAsync(() => Machine.ShellAsync(command), text => text.Contains(expected, StringComparison.Ordinal), $"{command} shows {expected}");
}
