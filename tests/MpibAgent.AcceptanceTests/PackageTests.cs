namespace MpibAgent.AcceptanceTests;

/// <summary>The Debian package under dpkg, and the tarball.</summary>
public sealed class PackageTests(SystemdMachine machine) : PackagedTest(machine)
{
    private const string Versions = "dpkg-query --show --showformat='${Version}' mpib-agent";

    [Fact]
    public async Task Installed_it_runs_enabled_and_explained()
    {
        await Machine.ShellAsync($"apt-get install --yes {OldAgent}");

        Assert.Equal(Idle, await PropertyAsync("StatusText"));
        Assert.Equal("active\nactive\nactive", await Machine.ShellAsync($"systemctl is-active {Units}"));
        Assert.Equal("enabled\nenabled\nenabled", await Machine.ShellAsync($"systemctl is-enabled {Units}"));
        await Machine.ShellAsync("mpib-agent --check-config /etc/mpib/agent.conf");
        Assert.StartsWith("mpib-agent 0.1.0 serving, pid ", await Machine.ShellAsync("/usr/bin/mpibctl status"), StringComparison.Ordinal);
        await Machine.ShellAsync("echo nonsense >/run/mpib/control");
        await Wait.UntilAsync(() => Machine.ShellAsync("journalctl --catalog --unit=mpib-agent MPIB_EVENT=command-refused --lines=1"),
            text => text.Contains("A line is \"SLOT HINT\"", StringComparison.Ordinal), "the journal explains the event");
    }

    [Fact]
    public async Task Over_an_upgrade_jobs_keep_region_slots_and_hints()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; echo '# mine' >>/etc/mpib/agent.conf");
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await Machine.ShellAsync("echo 0 7 >/run/mpib/control");
        Assert.Equal("hint 7", await alice.AskAsync("wait-hint 0 7"));
        var pid = await MainPidAsync();

        await Machine.ShellAsync($"dpkg --install {NewAgent}");

        Assert.Equal("0.2.0", await Machine.ShellAsync(Versions));
        Assert.NotEqual(pid, await MainPidAsync());
        Assert.Equal("policy manual, 1 flows, 1 connections", await PropertyAsync("StatusText"));
        Assert.Equal(inode, await InodeAsync());
        Assert.Equal("entry 7 10.0.0.1 10.0.0.2", await alice.AskAsync("entry 0"));
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("# mine", await Machine.ShellAsync("tail -n 1 /etc/mpib/agent.conf"));
    }

    [Theory]
    [InlineData("echo nonsense >>/etc/mpib/agent.conf", "sed -i '$d' /etc/mpib/agent.conf")]
    [InlineData("chmod 0600 /etc/mpib/agent.conf", "chmod 0644 /etc/mpib/agent.conf")]
    public async Task With_a_fault_in_the_settings_an_upgrade_leaves_the_agent_before_to_go_on(string harm, string mend)
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; {harm}");
        var pid = await MainPidAsync();

        var outcome = await Machine.RunAsync("sh", "-c", $"dpkg --install {NewAgent}");
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("not restarted, the version before goes on: mend /etc/mpib/agent.conf", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(pid, await MainPidAsync());
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));

        await Machine.ShellAsync($"{mend}; dpkg --configure mpib-agent");
        Assert.NotEqual(pid, await MainPidAsync());
        Assert.Equal("policy manual, 1 flows, 1 connections", await PropertyAsync("StatusText"));
    }

    [Fact]
    public async Task A_purge_leaves_a_group_that_has_members()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; usermod --append --groups mpib alice");

        var outcome = await Machine.RunAsync("dpkg", "--purge", "mpib-agent");

        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Contains("mpib-agent: left: group mpib, which has members", outcome.Errors, StringComparison.Ordinal);
        Assert.EndsWith(":alice", await Machine.ShellAsync("getent group mpib; groupdel mpib"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_purge_ends_also_where_the_user_cannot_be_removed_and_says_so()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; useradd --no-create-home --gid mpib carol");

        var outcome = await Machine.RunAsync("dpkg", "--purge", "mpib-agent");

        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Contains("mpib-agent: left: group mpib", outcome.Errors, StringComparison.Ordinal);
        await Machine.ShellAsync("userdel carol; groupdel mpib 2>/dev/null || :; ! getent group mpib");
    }

    [Fact]
    public async Task While_it_is_upgraded_no_registration_fails()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}");
        await using var load = new Load(this);

        await load.RunWhileAsync(UpgradeAsync(load));

        await load.VerifyAsync();
    }

    [Fact]
    public async Task What_the_operator_disabled_stays_so_over_an_upgrade()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; systemctl stop {Units}; systemctl disable --quiet {Units}; dpkg --install {NewAgent}");

        Assert.Equal("inactive\ninactive\ninactive", (await SystemctlAsync(["is-active", .. Units.Split(' ')])).Output.TrimEnd());
        Assert.Equal("disabled\ndisabled\ndisabled", (await SystemctlAsync(["is-enabled", .. Units.Split(' ')])).Output.TrimEnd());
    }

    [Fact]
    public async Task A_masked_service_goes_on_as_it_was_over_an_upgrade()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; systemctl mask mpib-agent");
        var pid = await MainPidAsync();

        await Machine.ShellAsync($"dpkg --install {NewAgent}");

        Assert.Equal(pid, await MainPidAsync());
        await Machine.ShellAsync("systemctl unmask mpib-agent; systemctl restart mpib-agent");
        Assert.NotEqual(pid, await MainPidAsync());
    }

    [Fact]
    public async Task Install_sh_leaves_it_alone()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}");
        foreach (var arguments in new[] { $"--prebuilt {SystemdMachine.Source}/mpib-agent", "--uninstall --purge" })
        {
            var outcome = await Machine.RunAsync("sh", "-c", $"{Install} {arguments}");
            Assert.Equal(1, outcome.ExitCode);
            Assert.EndsWith("the Debian package is installed here; upgrade it with apt, or: apt remove mpib-agent\n", outcome.Errors, StringComparison.Ordinal);
        }

        Assert.Equal("", await Machine.ShellAsync("dpkg --verify mpib-agent"));
    }

    [Fact]
    public async Task Removed_it_leaves_what_jobs_have_mapped_and_installed_again_it_goes_on_with_it()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}");
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));

        await Machine.ShellAsync("dpkg --remove mpib-agent");

        Assert.Equal("", await Machine.ShellAsync("systemctl list-units --plain --no-legend 'mpib*'"));
        Assert.Equal("/etc/mpib/agent.conf\n/run/mpib/state\n/run/mpib/state.lock\n/tmp/mpib/hints",
            await Machine.ShellAsync("find /etc/mpib /run/mpib /tmp/mpib -type f; test ! -e /usr/sbin/mpib-agent"));
        Assert.Equal(inode, await InodeAsync());

        await Machine.ShellAsync($"dpkg --install {OldAgent}");

        Assert.Equal("active\nactive\nactive", await Machine.ShellAsync($"systemctl is-active {Units}"));
        Assert.Equal("policy manual, 1 flows, 1 connections", await PropertyAsync("StatusText"));
        Assert.Equal(inode, await InodeAsync());
        await Machine.ShellAsync("echo 0 3 >/run/mpib/control");
        Assert.Equal("hint 3", await alice.AskAsync("wait-hint 0 3"));
    }

    [Fact]
    public async Task What_an_agent_of_roots_left_after_a_removal_is_taken_over()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; dpkg --remove mpib-agent; chown -R root:root /tmp/mpib /run/mpib");
        var inode = await InodeAsync();

        await Machine.ShellAsync($"dpkg --install {OldAgent}");

        Assert.Equal("active", await PropertyAsync("ActiveState"));
        Assert.Equal(inode, await InodeAsync());
        Assert.Equal("mpib\nmpib\nmpib", await Machine.ShellAsync("stat -c %U /tmp/mpib /tmp/mpib/hints /run/mpib/state"));
    }

    [Fact]
    public async Task Purged_it_leaves_nothing()
    {
        await Machine.ShellAsync($"dpkg --install {OldAgent}; echo '# mine' >>/etc/mpib/agent.conf; apt-get purge --yes mpib-agent");

        Assert.Equal("", await Machine.ShellAsync(UninstallTests.Remains));
        Assert.Equal("", await Machine.ShellAsync("getent passwd mpib || getent group mpib || :"));
        Assert.Equal("", await Machine.ShellAsync("journalctl --list-catalog | grep mpib || :"));
    }

    [Fact]
    public async Task A_squatter_in_tmp_is_refused_and_nothing_unpacked()
    {
        await Machine.ShellAsync("mkdir /tmp/mpib; chown alice /tmp/mpib");

        var outcome = await Machine.RunAsync("sh", "-c", $"dpkg --install {OldAgent}");
        await Machine.ShellAsync("rm -r /tmp/mpib");

        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("mpib-agent: /tmp/mpib belongs to alice", outcome.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Machine.Outside("/usr/sbin/mpib-agent")));
    }

    [Fact]
    public async Task The_package_has_nothing_to_explain_but_what_its_overrides_explain() =>
        Assert.Equal("", await Machine.ShellAsync($"lintian --allow-root --fail-on=warning {OldAgent}"));

    [Theory]
    [InlineData("/usr/sbin/mpib-agent", "/usr/share/man/man8/mpib-agent.8.gz", "/usr/share/bash-completion/completions/mpib-agent")]
    [InlineData("/usr/bin/mpibctl", "/usr/share/man/man1/mpibctl.1.gz", "/usr/share/bash-completion/completions/mpibctl")]
    public async Task The_package_has_each_program_with_its_page_and_completion(params string[] paths) =>
        Assert.Subset((await Machine.ShellAsync($"dpkg-deb --fsys-tarfile {OldAgent} | tar --list")).Split('\n').Select(path => path.TrimStart('.')).ToHashSet(), paths.ToHashSet());

    [Fact]
    public async Task Slurm_can_execute_what_is_copied_from_the_examples() =>
        Assert.Equal("-rwxr-xr-x\n-rwxr-xr-x", await Machine.ShellAsync($"dpkg-deb --contents {OldAgent} | grep 'examples/slurm/.*[.]sh$' | cut -d ' ' -f 1"));

    [Fact]
    public async Task The_tarball_installs_and_uninstalls_without_dotnet()
    {
        var tarball = await Machine.PackagesAsync("0.1.0") + "/mpib-agent-0.1.0-linux-*.tar.gz";
        var output = await Machine.ShellAsync($"""
            mkdir /opt/unpacked
            tar -xzf {tarball} -C /opt/unpacked --strip-components=1
            PATH=/usr/sbin:/usr/bin /opt/unpacked/deploy/install.sh
            """);

        Assert.EndsWith($"running: {Idle}", output, StringComparison.Ordinal);
        Assert.Equal("/usr/share/doc/mpib-agent/README.md", await Machine.ShellAsync("ls /usr/share/doc/mpib-agent/README.md"));
        await Machine.ShellAsync("/opt/unpacked/deploy/install.sh --uninstall --purge; rm -r /opt/unpacked");
        Assert.Equal("", await Machine.ShellAsync(UninstallTests.Remains));
    }

    private async Task UpgradeAsync(Load load)
    {
        await load.GoOnAsync();
        await Machine.ShellAsync($"dpkg --install {NewAgent}");
        await load.GoOnAsync();
    }
}
