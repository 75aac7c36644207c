namespace MpibAgent.Tests.Registration;

/// <summary>Who a peer is, and what happens when it dies: real processes, built from the shipped C header.</summary>
public sealed class PeerProcessTests
{
    [Fact]
    public async Task Two_processes_with_one_conn_id_do_not_meet()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var one = Start(agent);
        using var two = Start(agent);
        Assert.Equal("ok 0", one.Do("register 7 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", two.Do("register 7 10.0.0.1 10.0.0.3"));
        Assert.Equal("ok", two.Do("deregister 7"));
        Assert.Equal((1, 1), agent.OnLoop(() => (agent.Table.ConnectionsOf(0), agent.Table.ConnectionCount)));
    }

    [Fact]
    public async Task A_process_cannot_deregister_what_another_registered()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var one = Start(agent);
        using var two = Start(agent);
        Assert.Equal("ok 0", one.Do("register 7 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok", two.Do("deregister 7"));
        Assert.Equal(1, agent.OnLoop(() => agent.Table.ConnectionCount));
        Assert.Equal(1, agent.Log.Count("not-registered"));
    }

    [Fact]
    public async Task A_killed_process_loses_its_connections_and_its_slots_are_given_away()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var other = Start(agent);
        Assert.Equal("ok 0", other.Do("register 1 10.0.0.1 10.0.0.2"));
        using var victim = Start(agent);
        for (var i = 0; i < 100; i++)
        {
            Assert.StartsWith("ok", victim.Do($"register {i} 10.0.0.1 10.0.1.{i}"), StringComparison.Ordinal);
        }

        victim.Kill();
        agent.WaitUntil(() => agent.Table is { ConnectionCount: 1, FlowCount: 1 });
        Assert.Contains("its 100 connections", agent.Log.Single("process-ended"), StringComparison.Ordinal);
        Assert.Equal("ok 1", other.Do("register 2 10.0.0.1 10.0.0.9"));
    }

    [Fact]
    public async Task A_process_that_exits_without_deregistering_is_cleaned_up_too()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var plugin = Start(agent);
        Assert.Equal("ok 0", plugin.Do("register auto 10.0.0.1 10.0.0.2"));
        plugin.Exit();
        agent.WaitUntil(() => agent.Table.ConnectionCount == 0);
    }

    [Fact]
    public async Task A_process_in_a_pid_namespace_of_its_own_is_known_by_the_pid_that_the_agent_sees()
    {
        Prerequisites.RequireRoot();
        await using var agent = await RunningAgent.StartAsync();
        string[] unshare = ["unshare", "--pid", "--fork", "--kill-child"];
        using var one = PluginProcess.StartUnder(unshare, agent.Options.Registration.Path, agent.Options.Hints.Path);
        using var two = PluginProcess.StartUnder(unshare, agent.Options.Registration.Path, agent.Options.Hints.Path);
        Assert.Equal("1", one.Do("pid"));
        Assert.Equal("1", two.Do("pid"));
        Assert.Equal("ok 0", one.Do("register auto 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", two.Do("register auto 10.0.0.1 10.0.0.3"));
        one.Kill();
        agent.WaitUntil(() => agent.Table.ConnectionCount == 1);
        Assert.Equal(1, agent.OnLoop(() => agent.Table.ConnectionsOf(1)));
    }

    [Fact]
    public async Task A_child_that_inherits_the_socket_of_a_dead_process_registers_nothing()
    {
        Prerequisites.RequireCommand("python3", "python3");
        await using var agent = await RunningAgent.StartAsync();
        var (go, answer) = (agent.Files["go"], agent.Files["answer"]);
        var script = $"""
            import os, socket, time
            s = socket.socket(socket.AF_UNIX)
            s.connect('{agent.Options.Registration.Path}')
            if os.fork() == 0:
                while not os.path.exists('{go}'):
                    time.sleep(0.01)
                s.send(bytes.fromhex('{Convert.ToHexString(RegistrationTests.Register(1))}'))
                open('{answer}.new', 'w').write(s.recv(16).hex())
                os.rename('{answer}.new', '{answer}')
            """;
        using var parent = System.Diagnostics.Process.Start("python3", ["-c", script])!;
        parent.WaitForExit();
        File.WriteAllText(go, "");
        Wait.Until(() => File.Exists(answer));
        Assert.Equal("5249504d10008000" + "02000000" + "ffffffff", File.ReadAllText(answer));
        Assert.Contains("the process that connected has ended", agent.Log.Single("register-refused"), StringComparison.Ordinal);
        Assert.Equal(0, agent.OnLoop(() => agent.Table.ConnectionCount));
    }

    [Fact]
    public async Task Pieces_and_pipelines_of_the_c_client_are_served()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var plugin = Start(agent);
        Assert.Equal("ok 0", plugin.Do("pieces 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 100 0", plugin.Do("pipeline 100 1 10.0.0.1 10.0.0.2"));
        Assert.Equal(100, agent.OnLoop(() => agent.Table.ConnectionCount));
    }

    private static PluginProcess Start(RunningAgent agent) => PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
}
