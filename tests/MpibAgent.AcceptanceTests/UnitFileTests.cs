namespace MpibAgent.AcceptanceTests;

public sealed class UnitFileTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public Task Systemd_analyze_verify_has_nothing_to_say() => VerifyAsync(Units);

    [Fact]
    public async Task An_ageing_clean_up_of_tmp_leaves_the_region_alone()
    {
        // /tmp ages after a second. The region is there first, so once the file has gone its age has come as well.
        await Machine.ShellAsync("echo 'q /tmp 1777 root root 1s' >/etc/tmpfiles.d/tmp.conf; touch /tmp/aged");

        await Wait.UntilAsync(async () =>
        {
            await Machine.RunAsync("systemd-tmpfiles", "--clean", "--prefix=/tmp");
            return (await Machine.RunAsync("test", "-e", "/tmp/aged")).ExitCode != 0;
        });

        await Machine.ShellAsync("rm /etc/tmpfiles.d/tmp.conf");
        Assert.Equal("agent.lock\nagent.sock\nhints", await Machine.ShellAsync("ls /tmp/mpib"));
    }
}
