namespace MpibAgent.Tests.Registration;

/// <summary>
/// The agent and its peers in containers: pid namespaces of their own, the region's directory mounted read-only for the peers, and an agent
/// without capabilities, as deploy/kubernetes has it. What README.md there says is what happens here.
/// </summary>
public sealed class PidNamespaceTests : IDisposable
{
    // AgentProcess writes "exec" before the program; sh takes it away again.
    private const string Then = "sh -c 'shift; exec \"$@\"' sh";
    private const string WithoutCapabilities = $"exec setpriv --inh-caps=-all --bounding-set=-all --no-new-privs {Then}";
    private const string InItsOwnNamespace = $"exec unshare --pid --fork --kill-child --mount-proc {Then}";

    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void With_the_hosts_pid_namespace_peers_of_every_namespace_are_served_and_their_end_is_seen()
    {
        Prerequisites.RequireRoot();
        using var agent = AgentProcess.Start(_files, before: WithoutCapabilities);
        using var one = StartInContainer();
        using var two = StartInContainer();
        Assert.Equal(("1", "1"), (one.Do("pid"), two.Do("pid")));

        Assert.Equal("ok 0", one.Do("register 7 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", two.Do("register 7 10.0.0.1 10.0.0.3"));
        one.Kill();

        Wait.Until(() => agent.Output.Contains("slot 0: freed", StringComparison.Ordinal));
        Assert.Equal("entry 1 10.0.0.1 10.0.0.3", two.Do("entry 1"));
    }

    [Fact]
    public void With_a_pid_namespace_of_its_own_the_agent_refuses_all_others_and_says_what_to_do()
    {
        Prerequisites.RequireRoot();
        using var agent = AgentProcess.Start(_files, before: InItsOwnNamespace);
        using var host = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        using var pod = StartInContainer();

        Assert.Equal("status 2", host.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("status 2", pod.Do("register 1 10.0.0.1 10.0.0.2"));

        Wait.Until(() => agent.Output.Split("of pid 0 (uid 0) refused: the peer's pid namespace cannot be seen from here; run the agent in the host's").Length == 3);
        Assert.Equal("entry 1 0.0.0.0 0.0.0.0", host.Do("entry 0"));
    }

    private PluginProcess StartInContainer() => PluginProcess.StartUnder(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec",
            $"mount --bind {_files.Path} {_files.Path}; mount -o remount,bind,ro {_files.Path}; ! touch {_files["x"]} 2>/dev/null; exec \"$@\"", "sh"],
        _files["agent.sock"], _files["hints"]);
}
