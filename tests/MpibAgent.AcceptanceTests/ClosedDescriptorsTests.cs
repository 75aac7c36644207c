using System.Diagnostics;
using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests;

/// <summary>Programs whose standard descriptors are closed, as by a script that is careless of them.</summary>
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

    [Theory]
    [InlineData("2>&-")]
    [InlineData("<&- >&- 2>&-")]
    public async Task The_exporter_does_too(string closed)
    {
        Prerequisites.Require();
        var exporter = machine.Outside($"{SystemdMachine.Source}/mpib-exporter");
        using var process = Process.Start("sh", ["-c", $"exec {exporter} --listen unix:{_files["scrape"]} --file {_files["prom"]} {closed}"]);
        try
        {
            // There is no agent's file, which it says to whoever asks.
            await Wait.UntilAsync(async () =>
                (await Command.RunAsync(["curl", "--silent", "--write-out", "%{http_code}", "--output", "/dev/null", "--unix-socket", _files["scrape"], "http://localhost/metrics"])).Output == "503");
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }
}
