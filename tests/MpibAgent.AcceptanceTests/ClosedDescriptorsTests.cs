using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests;

/// <summary>An agent whose standard descriptors are closed, as by a script that is careless of them.</summary>
public sealed class ClosedDescriptorsTests(SystemdMachine machine) : IDisposable
{
    private readonly AgentFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("<&-")]
    [InlineData(">&-")]
    [InlineData("<&- >&-")]
    [InlineData("<&- >&- 2>&-")]
    public async Task It_serves_all_the_same(string closed)
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files, under: ["sh", "-c", $"exec \"$@\" {closed}", "sh"]);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(_files, new ConnectionModel(slotLimit: RegionFile.Slots));
        Assert.Equal("0", (await client.RegisterAsync(1, flow: 1))!.Single().Word);
        await agent.StopAsync();
    }
}
