using System.Globalization;
using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>More than an agent can do at once. MPIB_OVERLOAD_SECONDS makes the flood longer.</summary>
public sealed class FloodTests(SystemdMachine machine, ITestOutputHelper output) : IAsyncLifetime
{
    private const int Clients = 64;
    private const int Stalled = 200;

    private readonly AgentFiles _files = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _files.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Under_a_flood_among_stalled_clients_nothing_fails_is_lost_or_grows()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files, options: ["--idle-timeout", "86400"]);
        await agent.StartAsync();
        await using var stalled = await Crowd.StartAsync(_files);
        await stalled.StallAsync("silent", 100);
        await stalled.StallAsync("half", 50);
        await stalled.StallAsync("deaf", 50);
        await using var crowd = await Crowd.StartAsync(_files);

        var (_, middle) = await FloodAsync(agent, crowd);
        var (flood, end) = await FloodAsync(agent, crowd);

        output.WriteLine($"{flood}; {middle} in the middle, {end} at the end");
        Assert.Equal((0, 0, 0, ""), (flood.Doubtful, flood.Refused, flood.Lost, flood.Wrong));
        Assert.Equal((flood.Certain, 0), await crowd.ConfirmAsync());
        await agent.StatusAsync(RegionFile.Read(_files.Hints).Count(slot => !slot.IsFree), flood.Certain);

        // A look may find a descriptor or two that is there for a moment only.
        Assert.InRange(end.Descriptors, Stalled, middle.Descriptors + 4);
        Assert.InRange(middle.Descriptors, Stalled, Stalled + 40);

        // What the lines of the log took is given back a second after the last one: until then the figure is of where the collector stands.
        await Wait.UntilAsync(() => Task.FromResult(Footprint.Of(agent.Pid).ResidentKiB), resident => resident <= middle.ResidentKiB + (8 * 1024));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stopped_in_a_flood_it_ends_by_itself_and_what_it_answered_is_there_at_the_next_start(bool socketsAreHeld)
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files, socketsAreHeld);
        await agent.StartAsync();
        await using var crowd = await Crowd.StartAsync(_files);
        await crowd.FloodAsync(Clients);
        await crowd.RequestsAsync(more: 5000);

        await agent.StopAsync();

        // Held, they wait for the next one.
        var flood = socketsAreHeld ? null : await crowd.RestAsync();
        await agent.StartAsync();
        var connections = agent.Statuses[0].Connections;
        flood ??= await crowd.RestAsync();
        output.WriteLine($"{flood}; came back with {connections}");
        Assert.Equal("", flood.Wrong);
        if (socketsAreHeld)
        {
            Assert.Equal((0, 0, 0), (flood.Doubtful, flood.Refused, flood.Lost));
        }
        else
        {
            Assert.InRange(connections, flood.Certain, flood.Certain + flood.Doubtful);
        }

        Assert.Equal((flood.Certain, 0), await crowd.ConfirmAsync());
    }

    /// <summary>A flood, and what the agent holds when all of it has been answered.</summary>
    private static async Task<(Flood Flood, Footprint Footprint)> FloodAsync(KeptAgent agent, Crowd crowd)
    {
        var seconds = Environment.GetEnvironmentVariable("MPIB_OVERLOAD_SECONDS") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : 10;
        await crowd.FloodAsync(Clients);
        await Task.Delay(TimeSpan.FromSeconds(seconds / 2.0), TestContext.Current.CancellationToken);
        var flood = await crowd.RestAsync();

        // The last sockets are closed by now, but for what the agent has yet to see of that.
        var held = await Wait.UntilAsync(() => Task.FromResult(Footprint.Of(agent.Pid)), seen => seen.Descriptors < Stalled + Clients / 2);
        return (flood, held);
    }
}
