using System.Globalization;
using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>
/// No memory for a moment: the kernel gives the running agent nothing more to write to (RLIMIT_DATA, as it would by vm.overcommit_memory=2), or no more
/// addresses (RLIMIT_AS), until it does again. How much it may still have decides where it is hit.
/// </summary>
public sealed class MemoryTests(SystemdMachine machine, ITestOutputHelper output) : IAsyncLifetime
{
    private const int Batch = 128;
    private const int RoundsOfShortage = 10;
    private const int MostRounds = 1000;
    private const int CommandedSlot = 255;
    private const uint FirstOfShortage = 1000;

    private readonly AgentFiles _files = new();
    private readonly ConnectionModel _connections = new(slotLimit: RegionFile.Slots);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _files.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("data", 0)]
    [InlineData("data", 256)]
    [InlineData("data", 1024)]
    [InlineData("data", 4096)]
    [InlineData("as", 0)]
    public async Task Without_memory_it_refuses_and_goes_on_and_afterwards_all_is_served(string limit, int moreKiB)
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(_files, _connections);
        await using var others = await Crowd.StartAsync(_files);
        await client.RegisterAsync(0, flow: 1, count: Batch);
        await agent.StatusAsync(1, Batch);
        var before = await Footprint.SettledAsync(agent.Pid);

        await LimitAsync(agent, limit, string.Create(CultureInfo.InvariantCulture, $"{Footprint.Bytes(agent.Pid, limit) + (moreKiB * 1024L)}"));
        var (rounds, refused) = await RunOutAsync(agent, client, others);
        await LimitAsync(agent, limit, "unlimited");

        output.WriteLine($"{rounds} rounds, {refused} requests refused; {before} before, {Footprint.Of(agent.Pid)} after");
        await agent.SaysAsync("memory");
        await CheckServiceAsync(agent, client, others);
        await Footprint.NoDescriptorsMoreAsync(agent.Pid, before);

        // The next one knows the same.
        await agent.KillAsync();
        await agent.StartAsync();
        Assert.Equal(_connections.Count.Fewest, agent.Statuses[0].Connections);
    }

    /// <summary>Registers more than there is memory for, and releases some of it, while processes come and go and commands are given.</summary>
    private async Task<(int Rounds, int Refused)> RunOutAsync(KeptAgent agent, ChaosClient client, Crowd others)
    {
        var (refused, roundsOfShortage) = (0, 0);
        for (var round = 1u; round <= MostRounds; round++)
        {
            var first = FirstOfShortage + (round * Batch);
            var before = refused;
            refused += Refused(await client.RegisterAsync(first, flow: 1 + ((int)round % 8), count: Batch), agent);
            refused += Refused(await client.DeregisterAsync(first, count: Batch / 4), agent);
            refused += Refused(await client.RegisterAsync(0, flow: (int)round % 2, count: Batch / 4), agent);
            var processes = await others.StartProcessesAsync(2);
            Assert.Equal(0, processes.Failed);
            await others.LeaveAsync();

            // Commands need no memory.
            await CommandAsync(client, round);
            roundsOfShortage += refused > before ? 1 : 0;
            if (roundsOfShortage == RoundsOfShortage)
            {
                return ((int)round, refused);
            }
        }

        Assert.Fail("it never ran out of memory");
        return default;
    }

    private async Task CheckServiceAsync(KeptAgent agent, ChaosClient client, Crowd others)
    {
        // Those that have died are gone, and nobody else is.
        await agent.StatusAsync(Flows(client), _connections.Count.Fewest);
        _connections.CheckRegion(RegionFile.Read(_files.Hints));

        Assert.All((await client.RegisterAsync(1_000_000, flow: 9, count: Batch))!, reply => Assert.Equal(ReplyKind.Done, reply.Kind));
        Assert.All((await client.DeregisterAsync(1_000_000, count: Batch / 2))!, reply => Assert.Equal(ReplyKind.Done, reply.Kind));
        foreach (var (name, connection) in client.Connections.Take(200))
        {
            Assert.Equal(ReplyKind.Done, (await client.RegisterAsync(name, connection.Flow!.Value))!.Single().Kind);
        }

        Assert.Equal((8, 0, 0), await others.StartProcessesAsync(8));
        await others.LeaveAsync();
        await CommandAsync(client, MostRounds + 1);
        await agent.StatusAsync(Flows(client), _connections.Count.Fewest);
        _connections.CheckRegion(RegionFile.Read(_files.Hints));
    }

    private static int Flows(ChaosClient client) => client.Connections.Select(entry => entry.Connection.Flow).Distinct().Count();

    private static async Task CommandAsync(ChaosClient client, uint hint)
    {
        Assert.Equal("ok", await client.AskAsync(string.Create(CultureInfo.InvariantCulture, $"command {CommandedSlot} {hint}")));
        Assert.Equal("ok", await client.AskAsync(string.Create(CultureInfo.InvariantCulture, $"wait-hint {CommandedSlot} {hint}")));
    }

    private static int Refused(Reply[]? replies, KeptAgent agent)
    {
        if (agent.HasEnded)
        {
            Assert.Fail(agent.LogTail);
        }

        Assert.False(replies!.Any(reply => reply.Kind != ReplyKind.Done && reply.Word != "status-1"), string.Join(' ', replies!.Select(reply => reply.Word).Distinct()));
        return replies!.Count(reply => reply.Kind == ReplyKind.Status);
    }

    private static async Task LimitAsync(KeptAgent agent, string limit, string bytes) =>
        _ = (await Command.RunAsync(["prlimit", "--pid", agent.Pid.ToString(CultureInfo.InvariantCulture), $"--{limit}={bytes}:unlimited"])).Text;
}
