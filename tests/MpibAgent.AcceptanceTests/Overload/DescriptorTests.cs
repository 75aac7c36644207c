using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>Descriptors that run out, that are held by the thousand, and that strangers send along.</summary>
public sealed class DescriptorTests(SystemdMachine machine, ITestOutputHelper output) : IAsyncLifetime
{
    private const int FewDescriptors = 64;

    private readonly AgentFiles _files = new();
    private readonly ConnectionModel _connections = new(slotLimit: RegionFile.Slots);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _files.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("info")]
    [InlineData("warning")] // has its log yet to open when descriptors run out
    public async Task Without_descriptors_each_new_process_is_told_so_and_those_registered_are_served(string logLevel)
    {
        await using var agent = await StartWithFewDescriptorsAsync("--log-level", logLevel);
        await using var job = await ChaosClient.StartAsync(_files, _connections);
        await RegisterAsync(job, 1, flow: 1);
        await using var crowd = await Crowd.StartAsync(_files);

        var (registered, refused, failed) = await crowd.StartProcessesAsync(80);

        output.WriteLine($"{registered} registered, {refused} refused, {failed} without an answer");
        await RegisterAsync(job, 2, flow: 2);
        await RegisterAsync(job, 1, flow: 3);
        Assert.Equal("0", (await job.DeregisterAsync(2))!.Single().Word);
        Assert.Equal((80, 0), (registered + refused, failed));
        Assert.InRange(registered, 1, FewDescriptors);
        await agent.SaysAsync("raise LimitNOFILE=");
    }

    [Fact]
    public async Task Silent_sockets_that_take_all_descriptors_make_room_for_who_has_something_to_say()
    {
        await using var agent = await StartWithFewDescriptorsAsync();
        await using var job = await ChaosClient.StartAsync(_files, _connections);
        await using var silent = await Crowd.StartAsync(_files);

        await silent.StallAsync("silent", 300);

        await RegisterAsync(job, 1, flow: 1);
        await agent.SaysAsync("a quarter of the 64 descriptors");
    }

    [Fact]
    public async Task After_descriptors_ran_out_service_is_full_again_and_none_has_leaked()
    {
        await using var agent = await StartWithFewDescriptorsAsync();
        await using var job = await ChaosClient.StartAsync(_files, _connections);
        await RegisterAsync(job, 1, flow: 1);
        var before = await Footprint.SettledAsync(agent.Pid);
        await using var crowd = await Crowd.StartAsync(_files);
        await crowd.StallAsync("silent", 300);
        var (registered, _, _) = await crowd.StartProcessesAsync(80);
        await crowd.StallAsync("silent", 300);
        await agent.StatusAsync(RegionFile.Read(_files.Hints).Count(slot => !slot.IsFree), registered + 1);

        // It comes back with the same limit, and knows the same.
        await agent.KillAsync();
        await agent.StartAsync();
        Assert.Equal(registered + 1, agent.Statuses[0].Connections);

        await crowd.LeaveAsync();
        await agent.StatusAsync(1, 1);
        await Footprint.NoDescriptorsMoreAsync(agent.Pid, before);
        Assert.Equal((20, 0, 0), await crowd.StartProcessesAsync(20));
    }

    [Fact]
    public async Task Ten_thousand_silent_sockets_of_one_process_hold_nobody_up()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        await using var honest = await Crowd.StartAsync(_files);
        await using var silent = await Crowd.StartAsync(_files);

        await honest.FloodAsync(threads: 4);
        await silent.StallAsync("silent", 10_000);
        await honest.RequestsAsync(more: 1000);
        var flood = await honest.RestAsync();

        output.WriteLine($"{flood}; {Footprint.Of(agent.Pid)}");
        Assert.Equal((0, 0, 0, ""), (flood.Doubtful, flood.Refused, flood.Lost, flood.Wrong));
        Assert.Equal((flood.Certain, 0), await honest.ConfirmAsync());
        Assert.InRange(Footprint.Of(agent.Pid).Descriptors, 0, 1100); // MaxPeers, and a few
        await silent.LeaveAsync();
        await Wait.UntilAsync(() => Task.FromResult(Footprint.Of(agent.Pid)), seen => seen.Descriptors < 100);
    }

    [Fact]
    public async Task Descriptors_that_are_sent_along_are_not_kept()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        await using var crowd = await Crowd.StartAsync(_files);
        await crowd.SendDescriptorsAsync(1);
        var before = await Footprint.SettledAsync(agent.Pid);

        await crowd.SendDescriptorsAsync(1000);

        await Footprint.NoDescriptorsMoreAsync(agent.Pid, before);
    }

    private async Task<KeptAgent> StartWithFewDescriptorsAsync(params string[] options)
    {
        var agent = await KeptAgent.MakeAsync(machine, _files, options: options, under: ["prlimit", $"--nofile={FewDescriptors}:{FewDescriptors}"]);
        await agent.StartAsync();
        return agent;
    }

    private static async Task RegisterAsync(ChaosClient client, uint name, int flow) =>
        Assert.Equal(ReplyKind.Done, (await client.RegisterAsync(name, flow))!.Single().Kind);
}
