using System.Globalization;

namespace MpibAgent.AcceptanceTests;

/// <summary>
/// What every test starts from: the agent installed as shipped and running on a new region, so with no registration and every hint 1; and
/// the words in which the tests talk to it.
/// </summary>
public abstract class AcceptanceTest(SystemdMachine machine) : IAsyncLifetime
{
    internal const string Idle = "policy manual, 0 flows, 0 connections";
    protected const string Units = "mpib-agent.service mpib-agent.socket mpib-control.socket";
    protected const string Install = $"{SystemdMachine.Source}/deploy/install.sh";

    internal SystemdMachine Machine { get; } = machine;

    public virtual async ValueTask InitializeAsync()
    {
        Prerequisites.Require();
        await Machine.ShellAsync($"""
            rm -rf /run/systemd/system/mpib-*.d /etc/mpib
            {Install} --no-start --prebuilt {SystemdMachine.Source}/mpib-agent
            usermod --append --groups mpib oscar
            systemctl stop {Units}
            systemctl reset-failed {Units}
            rm -rf /tmp/mpib /run/mpib/state*
            systemctl start {Units}
            """);
        Assert.Equal(Idle, await PropertyAsync("StatusText"));
    }

    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal Plugin Client(string user) => new(Machine, user);

    internal Task<Outcome> SystemctlAsync(params string[] words) => Machine.RunAsync(["systemctl", .. words]);

    /// <summary>One property of the service, or of another unit.</summary>
    internal async Task<string> PropertyAsync(string name, string unit = "mpib-agent.service") =>
        (await SystemctlAsync("show", "--value", $"--property={name}", unit)).Text;

    /// <summary>Holds units to having nothing that systemd-analyze verify would complain of. Some versions do so of links of their own.</summary>
    internal async Task VerifyAsync(string units)
    {
        var outcome = await Machine.RunAsync(["systemd-analyze", "verify", "--man=no", .. units.Split(' ')]);
        var complaints = outcome.Errors.Split('\n').Where(line => !line.StartsWith("Suspicious symlink /lib/systemd/system/autovt@", StringComparison.Ordinal));
        Assert.Equal((0, "", ""), (outcome.ExitCode, outcome.Output, string.Join('\n', complaints)));
    }

    /// <summary>What systemd-analyze security makes of a unit, 0 to 10. Its --threshold= is newer than systemd 249.</summary>
    internal async Task<double> ExposureAsync(string unit) => double.Parse(
        await Machine.ShellAsync($"systemd-analyze security --no-pager {unit} | sed -n 's/.*exposure level for .*: \\([0-9.]*\\).*/\\1/p'"), CultureInfo.InvariantCulture);

    internal async Task<int> MainPidAsync() => int.Parse(await PropertyAsync("MainPID"), CultureInfo.InvariantCulture);

    /// <summary>Device and inode of the region that the path names now, as the client gives those of its mapping.</summary>
    internal Task<string> InodeAsync() => Machine.ShellAsync("stat -c %d:%i /tmp/mpib/hints");

    /// <summary>Waits for a status text.</summary>
    internal Task StatusTextAsync(string text) =>
        Wait.UntilAsync(() => PropertyAsync("StatusText"), seen => seen == text, $"StatusText is '{text}'");

    /// <summary>Waits for the state of the service.</summary>
    internal Task StateAsync(string state) =>
        Wait.UntilAsync(() => PropertyAsync("ActiveState"), seen => seen == state, $"ActiveState is {state}");

    /// <summary>Replaces settings of the service until the next test.</summary>
    internal Task DropInAsync(string lines) => Machine.ShellAsync($"""
        mkdir -p /run/systemd/system/mpib-agent.service.d
        printf '[Service]\n{lines}\n' >/run/systemd/system/mpib-agent.service.d/test.conf
        systemctl daemon-reload
        """);
}
