using System.Globalization;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Registration;

/// <summary>The next agent and the processes that the one before it knew.</summary>
public sealed class RestartTests
{
    [Fact]
    public async Task Processes_that_live_on_keep_their_connections_and_are_watched()
    {
        using var files = new TempDirectory();
        var first = await RunningAgent.StartAsync(files);
        using var plugin = PluginProcess.Start(first.Options.Registration.Path, first.Options.Hints.Path);
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        var inode = plugin.Do("inode");
        await first.DisposeAsync();

        await using var second = await RunningAgent.StartAsync(files);
        Assert.Equal(1, second.OnLoop(() => second.Table.ConnectionCount));
        await second.Loop.InvokeAsync(() => second.Table.SetHint(0, 33, MpibAgent.Slots.HintSource.Operator));
        Assert.Equal("hint 33", plugin.Do("wait-hint 0 33"));
        Assert.Equal(inode, plugin.Do("inode"));
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal(1, second.OnLoop(() => second.Table.ConnectionCount));
        plugin.Kill();
        second.WaitUntil(() => second.Table.ConnectionCount == 0);
    }

    [Fact]
    public async Task Processes_that_ended_meanwhile_lose_theirs()
    {
        using var files = new TempDirectory();
        var first = await RunningAgent.StartAsync(files);
        using var plugin = PluginProcess.Start(first.Options.Registration.Path, first.Options.Hints.Path);
        using var client = first.Connect();
        client.Register(1, RegistrationTests.A, RegistrationTests.B);
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", plugin.Do("register 2 10.0.0.1 10.0.0.3"));
        await first.DisposeAsync();
        plugin.Kill();

        await using var second = await RunningAgent.StartAsync(files);
        Assert.Equal((1, 1), second.OnLoop(() => (second.Table.ConnectionCount, second.Table.FlowCount)));
        Assert.Contains("its 2 connections", second.Log.Single("process-ended-meanwhile"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_was_given_the_pid_of_one_that_ended_is_another()
    {
        using var files = new TempDirectory();
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);

        // As if an earlier process of this pid had registered, and ended while no agent was running.
        using (var table = new Slots.TestTable(files))
        {
            var earlier = new MpibAgent.Slots.ProcessIdentity(plugin.Pid, 0, PidfdInode: 1);
            table.Table.Register(earlier, 1, new MpibAgent.Slots.Flow(RegistrationTests.A, RegistrationTests.B), out _);
        }

        await using var agent = await RunningAgent.StartAsync(files);
        Assert.Equal(0, agent.OnLoop(() => agent.Table.ConnectionCount));
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal(1, agent.OnLoop(() => agent.Table.ConnectionCount));
    }

    [Fact]
    public async Task A_thread_that_was_given_the_pid_of_a_process_that_ended_is_not_it()
    {
        using var files = new TempDirectory();
        var thread = Directory.GetDirectories("/proc/self/task").Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture))
            .Where(id => id != Environment.ProcessId).Min();
        using (var table = new Slots.TestTable(files))
        {
            table.Table.Register(Slots.TestTable.Process(thread), 1, new MpibAgent.Slots.Flow(RegistrationTests.A, RegistrationTests.B), out _);
        }

        await using var agent = await RunningAgent.StartAsync(files);
        Assert.Equal(0, agent.OnLoop(() => agent.Table.ConnectionCount));
    }
}
