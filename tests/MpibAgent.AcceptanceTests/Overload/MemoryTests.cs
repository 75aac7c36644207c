using System.Globalization;
using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>
/// No memory for a moment: the kernel gives the running agent nothing more to write to (RLIMIT_DATA, as it would by vm.overcommit_memory=2), until it does again.
/// How much it may still have decides where it is hit.
/// </summary>
public sealed class MemoryTests(SystemdMachine machine, ITestOutputHelper output) : IAsyncLifetime
{
    private const int Batch = 128;
    private const int MostBatches = 400;

    private readonly AgentFiles _files = new();
    private readonly ConnectionModel _connections = new(slotLimit: RegionFile.Slots);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _files.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Also when it ends: systemd starts it again then, as this test does.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(1024)]
    [InlineData(4096)]
    public async Task Without_memory_nothing_that_was_acknowledged_is_lost_and_afterwards_all_is_served(int moreKiB)
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(_files, _connections);

        if (!(await RunOutAsync(agent, client, moreKiB)).All(IsAnswered))
        {
            await agent.EndAsync();
            await agent.StartAsync();
            Assert.InRange(agent.Statuses[0].Connections, _connections.Count.Fewest, _connections.Count.Most);
        }

        await LimitAsync(agent, "unlimited");
        Assert.Equal("1", Words((await client.RegisterAsync(1_000_000, flow: 2, count: Batch))!));
        _connections.CheckRegion(RegionFile.Read(_files.Hints));
        foreach (var (name, _) in client.Connections.Where(entry => entry.Connection.IsInDoubt))
        {
            Assert.Equal("0", Words((await client.RegisterAsync(name, flow: 1))!));
        }

        await agent.StatusAsync(2, _connections.Count.Fewest);
    }

    /// <summary>With less than that it is the runtime that finds none, and the agent ends.</summary>
    [Fact]
    public async Task Without_memory_for_a_bigger_table_requests_are_refused_and_the_agent_does_not_end()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(_files, _connections);

        var replies = await RunOutAsync(agent, client, moreKiB: 4096);

        Assert.True(replies.All(IsAnswered), $"{Words(replies)}\n{agent.LogTail}");
    }

    /// <summary>Registers more and more, until not all of them are accepted.</summary>
    private async Task<Reply[]> RunOutAsync(KeptAgent agent, ChaosClient client, int moreKiB)
    {
        await client.RegisterAsync(0, flow: 1, count: Batch);
        await LimitAsync(agent, string.Create(CultureInfo.InvariantCulture, $"{Footprint.Data(agent.Pid) + (moreKiB * 1024L)}"));
        for (var batch = 1u; batch < MostBatches; batch++)
        {
            var replies = (await client.RegisterAsync(batch * Batch, flow: 1, count: Batch))!;
            if (replies.Any(reply => reply.Kind != ReplyKind.Done))
            {
                output.WriteLine($"{batch * Batch} connections, then {Words(replies)}");
                return replies;
            }
        }

        Assert.Fail("it never ran out of memory");
        return [];
    }

    private static bool IsAnswered(Reply reply) => reply.Kind is ReplyKind.Done or ReplyKind.Status;

    private static string Words(Reply[] replies) => string.Join(' ', replies.Select(reply => reply.Word).Distinct());

    private static async Task LimitAsync(KeptAgent agent, string bytes) =>
        _ = (await Command.RunAsync(["prlimit", "--pid", agent.Pid.ToString(CultureInfo.InvariantCulture), $"--data={bytes}:unlimited"])).Text;
}
