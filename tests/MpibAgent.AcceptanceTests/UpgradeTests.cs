namespace MpibAgent.AcceptanceTests;

public sealed class UpgradeTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string OldBuild = $"{SystemdMachine.Source}/mpib-agent";
    private const string NewBuild = "/opt/mpib-agent-newer";

    private string _oldVersion = "";
    private string _newVersion = "";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();

        // Built once more under another version, the agent differs in nothing else that runs, and takes longer to build than all the tests
        // here to run: so the version is changed in a copy, for one as long.
        _oldVersion = await VersionAsync(OldBuild);
        _newVersion = _oldVersion[..^1] + (_oldVersion[^1] == '9' ? '8' : '9');
        await Machine.ShellAsync($"""
            LC_ALL=C sed 's/{_oldVersion.Replace(".", "[.]", StringComparison.Ordinal)}/{_newVersion}/g' {OldBuild} >{NewBuild}
            chmod 755 {NewBuild}
            """);
        Assert.Equal(_newVersion, await VersionAsync(NewBuild));
    }

    [Fact]
    public async Task To_a_newer_build_and_back_registered_clients_and_readers_notice_nothing()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        var inode = await alice.AskAsync("inode");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", await alice.AskAsync("register 2 10.0.0.1 10.0.0.3"));
        Assert.Equal("ok 1", await bob.AskAsync("register 1 10.0.0.1 10.0.0.3"));
        await Machine.ShellAsync("echo 1 7 >/run/mpib/control; echo 200 8 >/run/mpib/control");
        await alice.AskAsync("wait-hint 200 8");

        foreach (var (build, version) in new[] { (NewBuild, _newVersion), (OldBuild, _oldVersion) })
        {
            var journal = await Journal.FromNowAsync(Machine);

            var output = await Machine.ShellAsync($"{Install} --prebuilt {build}");

            Assert.EndsWith("running: policy manual, 2 flows, 3 connections", output, StringComparison.Ordinal);
            Assert.Equal(version, await VersionAsync("/usr/sbin/mpib-agent"));
            Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=ready", $"MPIB_VERSION={version}"));
            Assert.Equal(inode, await InodeAsync());
            Assert.Equal("entry 1 10.0.0.1 10.0.0.2", await bob.AskAsync("entry 0"));
            Assert.Equal("entry 7 10.0.0.1 10.0.0.3", await bob.AskAsync("entry 1"));
            Assert.Equal("hint 8", await alice.AskAsync("hint 200"));
            Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
            Assert.Equal("ok 1", await bob.AskAsync("register 1 10.0.0.1 10.0.0.3"));
        }

        Assert.Equal("ok", await alice.AskAsync("deregister 1"));
        Assert.Equal("ok", await alice.AskAsync("deregister 2"));
        await StatusTextAsync("policy manual, 1 flows, 1 connections");
    }

    [Fact]
    public async Task While_it_is_installed_no_registration_fails()
    {
        await using var load = new Load(this);

        await load.RunWhileAsync(InstallAsync(load));

        await load.VerifyAsync();
    }

    private async Task InstallAsync(Load load)
    {
        foreach (var build in new[] { NewBuild, OldBuild })
        {
            await load.GoOnAsync();
            await Machine.ShellAsync($"{Install} --prebuilt {build}");
            await Machine.ShellAsync($"cmp {build} /proc/{await MainPidAsync()}/exe");
        }

        await load.GoOnAsync();
    }

    private async Task<string> VersionAsync(string build) => (await Machine.ShellAsync($"{build} --version")).Split(' ')[^1];
}
