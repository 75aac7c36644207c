namespace MpibAgent.AcceptanceTests;

public sealed class TelemetryTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string Settings = "Environment=MPIB_AGENT_TELEMETRY_LISTEN=127.0.0.1:9471 "
        + "MPIB_AGENT_TELEMETRY_KEYFILE=/run/credentials/mpib-agent.service/telemetry.key";

    private const string Key = @"LoadCredential=telemetry.key:/opt/telemetry.key\n";

    [Fact]
    public async Task With_the_documented_drop_in_signed_reports_are_taken_and_others_are_refused()
    {
        await Machine.ShellAsync("umask 077; head -c 32 /dev/urandom >/opt/telemetry.key");
        await DropInAsync($@"{Key}RestrictAddressFamilies=AF_INET\nIPAddressAllow=localhost\n{Settings}");
        var journal = await Journal.FromNowAsync(Machine);
        await Machine.ShellAsync("systemctl restart mpib-agent");

        var listening = Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=telemetry-listening"));
        Assert.Equal(("127.0.0.1:9471", "signed"), (listening["MPIB_LISTEN"], listening["MPIB_SIGNED"]));
        await Machine.ShellAsync("bash -c 'echo no report >/dev/udp/127.0.0.1/9471'");
        var refused = Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=telemetry-refused"));
        Assert.Equal(("1", "127.0.0.1"), (refused["MPIB_MALFORMED"], refused["MPIB_SENDER"]));
        Assert.Equal("600 mpib", await Machine.ShellAsync("stat -c '%a %U' /run/mpib/telemetry"));
    }

    [Fact]
    public async Task Without_the_drop_in_the_sandbox_says_no_and_the_agent_says_why()
    {
        await Machine.ShellAsync("umask 077; head -c 32 /dev/urandom >/opt/telemetry.key");
        await DropInAsync(Key + Settings);
        var journal = await Journal.FromNowAsync(Machine);
        await SystemctlAsync("restart", "mpib-agent");

        var fault = (await journal.EntriesAsync(1, "MPIB_EVENT=fault"))[0];
        Assert.Contains("operations.md", fault["MESSAGE"], StringComparison.Ordinal);
        await SystemctlAsync("stop", "mpib-agent.service");
    }
}
