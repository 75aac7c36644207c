using System.Collections.Concurrent;
using System.Diagnostics;
using Xunit.Sdk;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(MpibAgent.AcceptanceTests.SystemdMachine))]
[assembly: Parallelization(Mode = ParallelMode.None)]

namespace MpibAgent.AcceptanceTests;

/// <summary>
/// A machine with a systemd of its own (machine.sh), booted once for all tests, with the checkout's deploy/ in /opt/mpib, a built agent
/// beside it, and the users alice, bob and oscar, of whom oscar is an operator. It ends when this process lets go of its standard input,
/// so also when this process dies.
/// </summary>
public sealed class SystemdMachine : IAsyncLifetime
{
    /// <summary>Where the machine has what it takes to install the agent.</summary>
    public const string Source = "/opt/mpib";

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(10);

    private readonly AgentBuild _build = new();
    private Process? _machine;
    private int _init;

    public async ValueTask InitializeAsync()
    {
        if (!Prerequisites.AreMet)
        {
            return;
        }

        await Task.WhenAll(_build.BuildAsync(), BootAsync());
        CopyIn();
        await ShellAsync("for user in alice bob oscar; do id $user >/dev/null 2>&1 || useradd --no-create-home $user; done");
    }

    public async ValueTask DisposeAsync()
    {
        _build.Dispose();
        if (_machine is null)
        {
            return;
        }

        _machine.StandardInput.Close();
        using var timeout = new CancellationTokenSource(EndLimit);
        try
        {
            await _machine.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            // unshare --kill-child: the whole machine goes with it.
            _machine.Kill();
            await _machine.WaitForExitAsync(CancellationToken.None);
        }

        _machine.Dispose();
    }

    /// <summary>A file of the machine, by its path out here.</summary>
    internal string Outside(string path) => $"/proc/{_init}/root{path}";

    /// <summary>Builds the packages under a version, of the agent that is built already, and returns the directory in the machine where they lie.</summary>
    internal async Task<string> PackagesAsync(string version)
    {
        var path = $"/opt/packages-{version}";
        if (!Directory.Exists(Outside(path)))
        {
            await _build.PackAsync(version, Outside(path));
        }

        return path;
    }

    /// <summary>Runs a command in the machine, as root.</summary>
    internal Task<Outcome> RunAsync(params string[] words) => Command.RunAsync(Inside("root", words));

    /// <summary>Runs a command in the machine, as a user with that user's groups.</summary>
    internal Task<Outcome> RunAsUserAsync(string user, params string[] words) => Command.RunAsync(Inside(user, words));

    /// <summary>Runs a line of shell as root, which must succeed, and returns its output.</summary>
    internal async Task<string> ShellAsync(string line) => (await RunAsync("sh", "-ec", line)).Text;

    /// <summary>Starts a command in the machine that goes on.</summary>
    internal Process Start(string user, params string[] words) => Command.Start(Inside(user, words));

    /// <summary>
    /// Sees to it that MemoryMax= holds, until the next boot; false when it cannot. systemd-nspawn gives the memory controller of cgroup v1
    /// read-only, and systemd looks at it only when it starts.
    /// </summary>
    internal async Task<bool> LimitsMemoryAsync()
    {
        await ShellAsync("""
            ! grep -q ' /sys/fs/cgroup/memory ' /proc/self/mounts || [ -w /sys/fs/cgroup/memory/cgroup.procs ] || {
                mount -o remount,bind,rw /sys/fs/cgroup/memory
                systemctl daemon-reexec
            }
            """);
        return await ShellAsync("systemctl show --value --property=MemoryCurrent init.scope") != "[not set]";
    }

    /// <summary>Reboots the machine; what is in /tmp and /run is gone then.</summary>
    internal async Task RebootAsync()
    {
        var before = _init;
        await RunAsync("systemctl", "reboot");
        await Wait.UntilAsync(() => Task.FromResult(FindInit(_machine!.Id)), init => init != 0 && init != before, "there is another init");
        await UntilUpAsync();
    }

    private string[] Inside(string user, string[] words) =>
    [
        "nsenter", $"--target={_init}", "--all", "--", "env", "--ignore-environment", "LC_ALL=C",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        "setpriv", $"--reuid={user}", $"--regid={user}", "--init-groups", "--", .. words,
    ];

    private async Task BootAsync()
    {
        var name = $"mpib-{Environment.ProcessId}-{Guid.NewGuid():N}"[..24];
        var script = Path.Combine(AgentBuild.Checkout, "tests", "MpibAgent.AcceptanceTests", "machine.sh");
        _machine = Command.Start(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
            "sh", script, name]);
        var console = new ConcurrentQueue<string?>();
        _machine.OutputDataReceived += (_, line) => console.Enqueue(line.Data);
        _machine.ErrorDataReceived += (_, line) => console.Enqueue(line.Data);
        _machine.BeginOutputReadLine();
        _machine.BeginErrorReadLine();
        try
        {
            await UntilUpAsync();
        }
        catch (XunitException fault)
        {
            throw new XunitException($"the machine does not boot: {fault.Message}\n{string.Join('\n', console)}");
        }
    }

    private Task UntilUpAsync() => Wait.UntilAsync(async () =>
    {
        _init = FindInit(_machine!.Id);
        return _init != 0 && (await RunAsync("systemctl", "is-system-running")).Output is "running\n" or "degraded\n";
    });

    // unshare, machine.sh, the part of it that boots, systemd-nspawn, and its only child.
    private static int FindInit(int unshare) => Children(unshare).SelectMany(Children).SelectMany(Children)
        .Where(child => Name(child) == "systemd-nspawn").SelectMany(Children).FirstOrDefault();

    private static int[] Children(int pid)
    {
        try
        {
            var children = File.ReadAllText($"/proc/{pid}/task/{pid}/children");
            return [.. children.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string Name(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").TrimEnd('\n');
        }
        catch (IOException)
        {
            return "";
        }
    }

    private void CopyIn()
    {
        Directory.CreateDirectory(Outside(Source));
        File.Copy(Path.Combine(AgentBuild.Checkout, "mpib-agent.service"), Outside($"{Source}/mpib-agent.service"));
        foreach (var directory in new[] { "deploy", "deploy/slurm", "doc/man", "src/MpibAgent.Interface" })
        {
            Directory.CreateDirectory(Outside($"{Source}/{directory}"));
            foreach (var file in Directory.GetFiles(Path.Combine(AgentBuild.Checkout, directory)))
            {
                File.Copy(file, Outside($"{Source}/{directory}/{Path.GetFileName(file)}"));
            }
        }

        File.Copy(_build.Agent, Outside($"{Source}/mpib-agent"));
        File.Copy(_build.Tool, Outside($"{Source}/mpibctl"));
        File.Copy(_build.Exporter, Outside($"{Source}/mpib-exporter"));
        File.Copy(_build.Plugin, Outside("/usr/local/bin/plugin"));
    }
}
