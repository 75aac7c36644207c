namespace MpibAgent.AcceptanceTests;

public sealed class ClientTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task Equal_conn_ids_of_two_users_do_not_meet()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");

        Assert.Equal("ok 0", await alice.AskAsync("register 0x10001 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", await bob.AskAsync("register 0x10001 10.0.0.1 10.0.0.3"));
        await StatusTextAsync("policy manual, 2 flows, 2 connections");

        Assert.Equal("ok", await bob.AskAsync("deregister 0x10001"));
        await StatusTextAsync("policy manual, 1 flows, 1 connections");
        Assert.Equal("entry 1 10.0.0.1 10.0.0.2", await bob.AskAsync("entry 0"));
        Assert.Equal("entry 1 0.0.0.0 0.0.0.0", await bob.AskAsync("entry 1"));
    }

    [Fact]
    public async Task A_user_cannot_deregister_what_another_registered()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        await alice.AskAsync("register 7 10.0.0.1 10.0.0.2");

        Assert.Equal("ok", await bob.AskAsync("deregister 7"));

        Assert.Equal("entry 1 10.0.0.1 10.0.0.2", await bob.AskAsync("entry 0"));
        await StatusTextAsync("policy manual, 1 flows, 1 connections");
    }

    [Fact]
    public async Task Two_users_of_one_flow_share_its_slot()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");

        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 0", await bob.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await StatusTextAsync("policy manual, 1 flows, 2 connections");

        Assert.Equal("ok", await alice.AskAsync("deregister 1"));
        await StatusTextAsync("policy manual, 1 flows, 1 connections");
        Assert.Equal("entry 1 10.0.0.1 10.0.0.2", await alice.AskAsync("entry 0"));
    }

    [Fact]
    public async Task A_client_killed_by_sigkill_loses_its_connections()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        await bob.AskAsync("register 2 10.0.0.1 10.0.0.3");

        await Machine.ShellAsync($"kill -KILL {await alice.PidAsync()}");

        await StatusTextAsync("policy manual, 1 flows, 1 connections");
        Assert.Equal("entry 1 0.0.0.0 0.0.0.0", await bob.AskAsync("entry 0"));
        Assert.Equal("entry 1 10.0.0.1 10.0.0.3", await bob.AskAsync("entry 1"));
    }
}
