namespace MpibAgent.AcceptanceTests;

public sealed class InstallTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string WithBinary = $"{Install} --prebuilt {SystemdMachine.Source}/mpib-agent";

    [Fact]
    public async Task From_scratch_the_agent_is_installed_enabled_and_running()
    {
        await Machine.ShellAsync($"{Install} --uninstall --purge");

        var output = await Machine.ShellAsync(WithBinary);

        Assert.EndsWith($"running: {Idle}", output, StringComparison.Ordinal);
        Assert.Equal("active\nactive\nactive", await Machine.ShellAsync($"systemctl is-active {Units}"));
        Assert.Equal("enabled\nenabled\nenabled", await Machine.ShellAsync($"systemctl is-enabled {Units}"));
    }

    [Fact]
    public async Task Everything_has_the_owner_and_mode_of_the_contract()
    {
        var files = await Machine.ShellAsync("""
            stat -c '%n %A %U:%G' /tmp/mpib
            stat -c '%n %A %U:%G %s' /tmp/mpib/hints
            stat -c '%n %A %U:%G' /tmp/mpib/agent.sock /tmp/mpib/agent.lock /run/mpib /run/mpib/control
            stat -c '%n %A %U:%G' /usr/sbin/mpib-agent /etc/mpib/agent.conf
            """);

        Assert.Equal("""
            /tmp/mpib drwxr-xr-x mpib:mpib
            /tmp/mpib/hints -rw-r--r-- mpib:mpib 4112
            /tmp/mpib/agent.sock srw-rw-rw- mpib:mpib
            /tmp/mpib/agent.lock -rw------- mpib:mpib
            /run/mpib drwxr-xr-x mpib:mpib
            /run/mpib/control prw--w---- mpib:mpib
            /usr/sbin/mpib-agent -rwxr-xr-x root:root
            /etc/mpib/agent.conf -rw-r--r-- root:root
            """, files);
    }

    [Fact]
    public async Task A_second_run_leaves_the_agent_running()
    {
        var pid = await MainPidAsync();

        Assert.Equal("install.sh: nothing has changed; the agent goes on running", await Machine.ShellAsync(WithBinary));

        Assert.Equal(pid, await MainPidAsync());
    }

    [Fact]
    public async Task An_upgrade_keeps_the_region_under_a_running_job()
    {
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");
        var pid = await MainPidAsync();

        // What follows the end of an executable is not looked at.
        await Machine.ShellAsync($"cp {SystemdMachine.Source}/mpib-agent /opt/newer; echo >>/opt/newer; {Install} --prebuilt /opt/newer");

        Assert.NotEqual(pid, await MainPidAsync());
        await Machine.ShellAsync("cmp /opt/newer /proc/$(systemctl show --value --property=MainPID mpib-agent)/exe");
        Assert.Equal(inode, await InodeAsync());
        await Machine.ShellAsync("echo 0 9 >/run/mpib/control");
        Assert.Equal("hint 9", await alice.AskAsync("wait-hint 0 9"));
    }

    [Fact]
    public async Task What_a_run_installed_that_came_to_no_restart_the_next_one_restarts_for()
    {
        // Also within the second in which it started.
        await Machine.ShellAsync("systemctl restart mpib-agent");
        var pid = await MainPidAsync();
        await Machine.ShellAsync($"cp {SystemdMachine.Source}/mpib-agent /opt/newer; echo >>/opt/newer");
        Assert.EndsWith("start it with: systemctl restart mpib-agent", await Machine.ShellAsync($"{Install} --prebuilt /opt/newer --no-start"), StringComparison.Ordinal);
        Assert.Equal(pid, await MainPidAsync());

        // Guam's is a zone that date(1) does not read.
        Assert.EndsWith($"running: {Idle}", await Machine.ShellAsync($"TZ=Pacific/Guam {Install} --prebuilt /opt/newer"), StringComparison.Ordinal);
        Assert.NotEqual(pid, await MainPidAsync());
        Assert.Equal("install.sh: nothing has changed; the agent goes on running", await Machine.ShellAsync($"{Install} --prebuilt /opt/newer"));
        await Machine.ShellAsync(WithBinary);
    }

    [Theory]
    [InlineData("echo nonsense >>/etc/mpib/agent.conf", "expected [Section], Key = value or a comment")]
    [InlineData("chmod 0600 /etc/mpib/agent.conf", "user mpib may not read it; its directory needs mode 0755, and it 0644")]
    public async Task With_a_fault_in_the_settings_the_agent_before_goes_on(string harm, string fault)
    {
        var pid = await MainPidAsync();
        await Machine.ShellAsync($"cp /etc/mpib/agent.conf /opt/good.conf; {harm}; cp {SystemdMachine.Source}/mpib-agent /opt/newer; echo >>/opt/newer");

        var outcome = await Machine.RunAsync("sh", "-c", $"{Install} --prebuilt /opt/newer");
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains(fault, outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("not restarted, the agent before goes on", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(pid, await MainPidAsync());

        await Machine.ShellAsync($"cp /opt/good.conf /etc/mpib/agent.conf; chmod 0644 /etc/mpib/agent.conf; {Install} --prebuilt /opt/newer; {WithBinary}");
        Assert.NotEqual(pid, await MainPidAsync());
    }

    [Fact]
    public async Task A_changed_socket_unit_takes_effect()
    {
        var output = await Machine.ShellAsync($"""
            cp -r {SystemdMachine.Source} /opt/other
            sed -i s/SocketMode=0620/SocketMode=0622/ /opt/other/deploy/mpib-control.socket
            /opt/other/deploy/install.sh --prebuilt {SystemdMachine.Source}/mpib-agent >/dev/null
            rm -r /opt/other
            stat -c %a /run/mpib/control
            systemctl is-active {Units}
            """);

        Assert.Equal("622\nactive\nactive\nactive", output);
    }

    [Fact]
    public async Task Edited_settings_stay_and_the_new_ones_lie_beside_them()
    {
        var output = await Machine.ShellAsync($"""
            echo '# mine' >>/etc/mpib/agent.conf
            cp -r {SystemdMachine.Source} /opt/other
            echo '# newer' >>/opt/other/deploy/agent.conf
            /opt/other/deploy/install.sh --prebuilt {SystemdMachine.Source}/mpib-agent >/dev/null
            rm -r /opt/other
            tail -n1 /etc/mpib/agent.conf /etc/mpib/agent.conf.new
            rm /etc/mpib/agent.conf
            """);

        Assert.Equal("==> /etc/mpib/agent.conf <==\n# mine\n\n==> /etc/mpib/agent.conf.new <==\n# newer", output);
    }

    [Fact]
    public async Task A_binary_that_does_not_run_replaces_nothing()
    {
        var outcome = await Machine.RunAsync(Install, "--prebuilt", "/etc/passwd");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("/etc/passwd does not run here", outcome.Errors, StringComparison.Ordinal);
        await Machine.ShellAsync($"cmp /usr/sbin/mpib-agent {SystemdMachine.Source}/mpib-agent && ! ls /usr/sbin/mpib-agent.*");
    }

    [Fact]
    public async Task Without_the_means_to_build_it_says_what_to_run()
    {
        await Machine.ShellAsync($"mkdir -p /opt/bare /opt/checkout/src/MpibAgent; ln -sf /usr/bin/dirname /usr/bin/uname /opt/bare/; cp -r {SystemdMachine.Source}/deploy /opt/checkout/");

        var outcome = await Machine.RunAsync("env", "PATH=/opt/bare", "/bin/sh", "/opt/checkout/deploy/install.sh", "--build-only", "/tmp/agent");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("apt-get install -y dotnet-sdk-10.0 gcc libc6-dev", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_service_is_masked_it_is_installed_and_not_started_and_the_one_that_runs_goes_on()
    {
        var pid = await MainPidAsync();

        var output = await Machine.ShellAsync($"systemctl mask --quiet mpib-agent; rm /usr/bin/mpibctl; {WithBinary}; test -x /usr/bin/mpibctl; systemctl unmask --quiet mpib-agent");

        Assert.Contains("mpib-agent.service is masked, so it is not started; where it runs, the version before goes on", output, StringComparison.Ordinal);
        Assert.Equal(pid, await MainPidAsync());
    }

    [Fact]
    public async Task A_shell_without_sbin_and_with_CDPATH_installs_upgrades_and_purges()
    {
        const string Shell = "env PATH=/usr/local/bin:/usr/bin:/bin CDPATH=.:/ sh";
        var pid = await MainPidAsync();
        var output = await Machine.ShellAsync($"echo '# another version' >>/usr/lib/systemd/system/mpib-agent.service; cd {SystemdMachine.Source}; {Shell} deploy/install.sh --prebuilt mpib-agent");

        Assert.EndsWith($"running: {Idle}", output, StringComparison.Ordinal);
        Assert.NotEqual(pid, await MainPidAsync());
        await Machine.ShellAsync($"gpasswd --delete oscar mpib >/dev/null; cd {SystemdMachine.Source}; {Shell} deploy/install.sh --uninstall --purge");
        Assert.Equal("", await Machine.ShellAsync("getent passwd mpib || getent group mpib || :"));
    }

    [Fact]
    public async Task Without_sources_it_does_not_begin_to_build()
    {
        var outcome = await Machine.RunAsync(Install, "--build-only", "/tmp/agent");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Equal($"install.sh: there is nothing to build in {SystemdMachine.Source}: expected a checkout; an unpacked tarball has the programs at its top", outcome.Errors.Trim());
    }

    [Theory]
    [InlineData("/tmp")]
    [InlineData("/tmp/none/agent")]
    public async Task Nor_for_a_file_that_cannot_be_written(string file)
    {
        var outcome = await Machine.RunAsync(Install, "--build-only", file);

        Assert.Equal(1, outcome.ExitCode);
        Assert.Equal($"install.sh: --build-only {file}: expected a file in a directory that exists", outcome.Errors.Trim());
    }

    [Fact]
    public async Task What_finds_no_room_leaves_nothing_behind()
    {
        // Room for the agent, and not for the exporter as well.
        await Machine.ShellAsync($"mkdir -p /mnt/full; mount -t tmpfs -o size=$(($(stat -c %s {SystemdMachine.Source}/mpib-agent) + 1048576)) tmpfs /mnt/full");

        var outcome = await Machine.RunAsync("unshare", "--mount", "sh", "-c", $"mount --bind /mnt/full /usr/sbin; exec {WithBinary}");
        var left = await Machine.ShellAsync("ls -A /mnt/full; umount /mnt/full");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("No space left on device", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal("", left);
    }

    [Fact]
    public async Task Where_systemd_does_not_run_it_is_not_asked()
    {
        await Machine.ShellAsync($"{Install} --uninstall --purge");

        var outcome = await Machine.RunAsync("unshare", "--mount", "sh", "-c", $"mount -t tmpfs tmpfs /run/systemd; exec {WithBinary}");

        Assert.Equal(0, outcome.ExitCode);
        Assert.EndsWith("systemd does not run here, so nothing was started\n", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("System has not been booted", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mkdir /tmp/mpib; chown alice /tmp/mpib", "/tmp/mpib belongs to alice, not to root or mpib; remove it")]
    [InlineData("ln -s /etc /tmp/mpib", "/tmp/mpib is not a directory; remove it")]
    public async Task A_squatter_in_tmp_is_refused(string squat, string reason)
    {
        await Machine.ShellAsync($"{Install} --uninstall --purge; {squat}");

        var outcome = await Machine.RunAsync(Install, "--prebuilt", $"{SystemdMachine.Source}/mpib-agent");
        await Machine.ShellAsync("rm -r /tmp/mpib; [ $(stat -c %U /etc) = root ]");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(reason, outcome.Errors, StringComparison.Ordinal);
    }
}
