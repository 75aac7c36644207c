namespace MpibAgent.AcceptanceTests;

public sealed class StatusTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task Systemctl_status_shows_policy_flows_and_connections()
    {
        await using var alice = Client("alice");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        await alice.AskAsync("register 2 10.0.0.1 10.0.0.2");
        await alice.AskAsync("register 3 10.0.0.1 10.0.0.3");

        await StatusTextAsync("policy manual, 2 flows, 3 connections");

        var status = (await SystemctlAsync("status", "mpib-agent")).Text;
        Assert.Contains("Status: \"policy manual, 2 flows, 3 connections\"", status, StringComparison.Ordinal);
        Assert.Contains("active (running)", status, StringComparison.Ordinal);
    }
}
