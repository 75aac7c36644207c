namespace MpibAgent.AcceptanceTests;

/// <summary>What every test of the Debian packages starts from: two versions of them, and nothing installed; it leaves nothing installed.</summary>
public abstract class PackagedTest(SystemdMachine machine) : AcceptanceTest(machine)
{
    /// <summary>Where the packages of the older version lie, in the machine.</summary>
    protected string Old { get; private set; } = "";

    /// <summary>And those of the newer one.</summary>
    protected string New { get; private set; } = "";

    /// <summary>The older agent's package, as a pattern of the shell.</summary>
    protected string OldAgent => $"{Old}/mpib-agent_*.deb";

    protected string NewAgent => $"{New}/mpib-agent_*.deb";

    public override async ValueTask InitializeAsync()
    {
        Prerequisites.Require();
        (Old, New) = (await Machine.PackagesAsync("0.1.0"), await Machine.PackagesAsync("0.2.0"));
        await Machine.ShellAsync($"rm -rf /run/systemd/system/mpib-*.d; gpasswd --delete oscar mpib >/dev/null 2>&1 || :; {Install} --uninstall --purge");
    }

    public override async ValueTask DisposeAsync()
    {
        await Machine.ShellAsync("dpkg --purge mpib-exporter mpib-agent");
        await base.DisposeAsync();
    }
}
