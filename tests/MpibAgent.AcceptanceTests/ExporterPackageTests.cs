namespace MpibAgent.AcceptanceTests;

/// <summary>The exporter's Debian package, beside the agent's.</summary>
public sealed class ExporterPackageTests(SystemdMachine machine) : PackagedTest(machine)
{
    [Fact]
    public async Task It_is_off_until_enabled_and_stays_as_it_is_over_an_upgrade()
    {
        await Machine.ShellAsync($"dpkg --install {Old}/*.deb");
        Assert.Equal("disabled\ninactive", (await Machine.RunAsync("sh", "-c", "systemctl is-enabled mpib-exporter.socket; systemctl is-active mpib-exporter.socket")).Output.TrimEnd());
        await Machine.ShellAsync("""
            printf '[Metrics]\nTextFile = /run/mpib/mpib-agent.prom\n' >>/etc/mpib/agent.conf
            systemctl restart mpib-agent
            systemctl enable --quiet --now mpib-exporter.socket
            """);
        await Machine.ShellAsync(ExporterTests.Scrape);
        var pid = await PropertyAsync("MainPID", "mpib-exporter.service");

        await Machine.ShellAsync($"dpkg --install --force-confold {New}/*.deb");

        Assert.Equal("enabled\nactive\nactive", await Machine.ShellAsync("systemctl is-enabled mpib-exporter.socket; systemctl is-active mpib-exporter.socket mpib-exporter.service"));
        Assert.NotEqual(pid, await PropertyAsync("MainPID", "mpib-exporter.service"));
        Assert.Contains("mpib_agent_info{", await Machine.ShellAsync(ExporterTests.Scrape), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Removed_it_is_gone_and_the_agent_goes_on_and_purged_nothing_is_left()
    {
        await Machine.ShellAsync($"dpkg --install {Old}/*.deb; systemctl enable --quiet --now mpib-exporter.socket");
        var agent = await MainPidAsync();

        await Machine.ShellAsync("dpkg --remove mpib-exporter");

        Assert.Equal("", await Machine.ShellAsync("systemctl list-units --plain --no-legend 'mpib-exporter*'"));
        Assert.Equal(agent, await MainPidAsync());
        await Machine.ShellAsync("dpkg --purge mpib-exporter mpib-agent");
        Assert.Equal("", await Machine.ShellAsync(UninstallTests.Remains));
    }

    [Fact]
    public async Task The_package_has_nothing_to_explain() =>
        Assert.Equal("", await Machine.ShellAsync($"lintian --allow-root --fail-on=warning {Old}/mpib-exporter_*.deb"));

    [Fact]
    public async Task The_agents_package_does_not_carry_it() =>
        Assert.DoesNotContain("mpib-exporter", await Machine.ShellAsync($"dpkg-deb --fsys-tarfile {OldAgent} | tar --list"), StringComparison.Ordinal);
}
