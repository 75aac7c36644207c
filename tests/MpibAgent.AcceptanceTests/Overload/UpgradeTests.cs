using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>Another build takes over in the middle of everything, and the state that it leaves or finds.</summary>
public sealed class UpgradeTests(SystemdMachine machine, ITestOutputHelper output) : IAsyncLifetime
{
    private const int VersionOffset = 8;

    private readonly AgentFiles _files = new();
    private readonly ConnectionModel _connections = new(slotLimit: RegionFile.Slots);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _files.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task An_upgrade_under_load_fails_nobody_and_loses_nothing()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files, held: true);
        await agent.StartAsync();
        await using var crowd = await Crowd.StartAsync(_files);
        await crowd.FloodAsync(threads: 16);

        for (var build = 0; build < 5; build++)
        {
            await crowd.RequestsAsync(more: 1000);
            Install();
            await agent.StopAsync();
            await agent.StartAsync();
        }

        await crowd.RequestsAsync(more: 1000);
        var flood = await crowd.RestAsync();
        output.WriteLine($"{flood}");
        Assert.Equal((0, 0, 0, ""), (flood.Doubtful, flood.Refused, flood.Lost, flood.Wrong));
        Assert.Equal((flood.Certain, 0), await crowd.ConfirmAsync());
        await agent.StatusAsync(RegionFile.Read(_files.Hints).Count(slot => !slot.IsFree), flood.Certain);
    }

    [Fact]
    public async Task State_of_a_newer_version_is_set_aside_untouched_and_flows_keep_their_slots()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(_files, _connections);
        Assert.Equal("0", (await client.RegisterAsync(1, flow: 1))!.Single().Word);
        Assert.Equal("1", (await client.RegisterAsync(2, flow: 2))!.Single().Word);
        Assert.Equal("ok", await client.AskAsync("command 1 77"));
        Assert.Equal("ok", await client.AskAsync("wait-hint 1 77"));
        await agent.StopAsync();
        var newer = File.ReadAllBytes(_files.State);
        newer[VersionOffset]++;
        File.WriteAllBytes(_files.State, newer);

        await agent.StartAsync();

        await agent.SaysAsync("from a newer agent");
        Assert.Equal(newer, File.ReadAllBytes($"{_files.State}.invalid-1"));
        Assert.Equal((2, 0), agent.Statuses[0]);
        Assert.Equal("hint 77", await client.AskAsync("hint 1"));

        // A job that knows nothing of this goes on, and one that asks again is told the same.
        Assert.Equal("1", (await client.RegisterAsync(2, flow: 2))!.Single().Word);
        Assert.Equal("2", (await client.RegisterAsync(3, flow: 3))!.Single().Word);
        Assert.Equal("0", (await client.DeregisterAsync(1))!.Single().Word);
        await agent.StatusAsync(3, 2);
    }

    /// <summary>As install.sh does: the new binary appears whole, under the running one's name.</summary>
    private void Install()
    {
        File.Copy(_files.Binary, $"{_files.Binary}.new", overwrite: true);
        File.Move($"{_files.Binary}.new", _files.Binary, overwrite: true);
    }
}
