namespace MpibAgent.AcceptanceTests;

public sealed class UninstallTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    // systemd keeps state of its own under the names of units.
    internal const string Remains =
        "find /etc /tmp /run /usr /var -xdev -iname '*mpib*' ! -path '/var/lib/systemd/*' ! -path '/run/systemd/propagate/*'; find /tmp -path '/tmp/mpib/*'";

    private const string NoOperators = "gpasswd --delete oscar mpib >/dev/null";

    [Fact]
    public async Task The_region_stays_for_running_jobs_and_it_says_so()
    {
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");

        var output = await Machine.ShellAsync($"{Install} --uninstall");

        Assert.Contains("left: /tmp/mpib, which running jobs have mapped", output, StringComparison.Ordinal);
        Assert.Equal("/tmp/mpib\n/run/mpib\n/tmp/mpib/hints", await Machine.ShellAsync(Remains));
        Assert.Equal(inode, await InodeAsync());
        Assert.Equal("mpib", await Machine.ShellAsync("id -un mpib"));
        Assert.Equal("", await Machine.ShellAsync("systemctl list-units --all --plain --no-legend 'mpib*'"));
    }

    [Fact]
    public async Task A_later_install_goes_on_with_the_same_region()
    {
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await Machine.ShellAsync("mpibctl set 0 7");

        await Machine.ShellAsync($"{Install} --uninstall; {Install} --prebuilt {SystemdMachine.Source}/mpib-agent");

        Assert.Equal(inode, await InodeAsync());
        Assert.Equal("policy manual, 1 flows, 1 connections", await PropertyAsync("StatusText"));
        Assert.Matches(@"10\.0\.0\.2 +7 .* operator ", await Machine.ShellAsync("mpibctl status"));
        await Machine.ShellAsync("echo 0 3 >/run/mpib/control");
        Assert.Equal("hint 3", await alice.AskAsync("wait-hint 0 3"));
    }

    [Fact]
    public async Task Purged_it_leaves_nothing()
    {
        await Machine.ShellAsync($"{NoOperators}; echo '# mine' >>/etc/mpib/agent.conf");

        await Machine.ShellAsync($"{Install} --uninstall --purge");

        Assert.Equal("", await Machine.ShellAsync(Remains));
        Assert.Equal("", await Machine.ShellAsync("getent passwd mpib || getent group mpib || :"));
    }

    [Fact]
    public async Task Nor_does_a_purge_take_a_group_that_has_members()
    {
        Assert.Contains("install.sh: left: group mpib, which has members", await Machine.ShellAsync($"{Install} --uninstall --purge"), StringComparison.Ordinal);

        Assert.EndsWith(":oscar", await Machine.ShellAsync("getent group mpib"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_install_that_was_cut_short_is_taken_away_too()
    {
        await Machine.ShellAsync($"{NoOperators}; {Install} --uninstall --purge; cd {SystemdMachine.Source}; cp mpib-agent /usr/sbin/; cp mpib-agent.service /usr/lib/systemd/system/");

        Assert.Equal("install.sh: uninstalled", await Machine.ShellAsync($"{Install} --uninstall --purge"));

        Assert.Equal("", await Machine.ShellAsync(Remains));
    }

    [Fact]
    public async Task Where_the_region_is_a_mount_of_its_own_a_purge_leaves_that_alone_and_says_so()
    {
        await Machine.ShellAsync($"{NoOperators}; systemctl stop {Units}; mount -t tmpfs -o mode=0755 none /tmp/mpib; systemctl start {Units}");

        var said = await Machine.ShellAsync($"{Install} --uninstall --purge 2>/dev/null; umount /tmp/mpib; rm -r /tmp/mpib");

        Assert.Contains("install.sh: left: what could not be removed of /tmp/mpib and /run/mpib", said, StringComparison.Ordinal);
        Assert.EndsWith("install.sh: uninstalled", said, StringComparison.Ordinal);
        Assert.Equal("", await Machine.ShellAsync("getent passwd mpib || getent group mpib || :"));
    }

    [Fact]
    public async Task What_others_have_put_there_stays_and_it_says_so()
    {
        await Machine.ShellAsync("echo secret >/etc/mpib/telemetry.key; mkdir /etc/systemd/system/mpib-agent.socket.d; echo '# mine' >>/etc/mpib/agent.conf");

        var said = await Machine.ShellAsync($"{Install} --uninstall");
        await Machine.ShellAsync("rm /etc/mpib/telemetry.key; rmdir /etc/systemd/system/mpib-agent.socket.d");

        Assert.Contains("left: /etc/mpib/telemetry.key, which this script did not make", said, StringComparison.Ordinal);
        Assert.Contains("left: /etc/systemd/system/mpib-agent.socket.d, which this script did not make", said, StringComparison.Ordinal);
        Assert.DoesNotContain("left: /etc/mpib/agent.conf, which this script", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_run_finds_nothing_to_do()
    {
        await Machine.ShellAsync($"{NoOperators}; {Install} --uninstall --purge");

        Assert.Equal("install.sh: uninstalled", await Machine.ShellAsync($"{Install} --uninstall --purge"));
    }
}
