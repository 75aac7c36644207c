using System.Diagnostics;
using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>A systemd that hangs, in a reload of thousands of units for instance, and reads no notification.</summary>
public sealed class DeafSystemdTests(SystemdMachine machine)
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Registrations_go_on_while_nobody_reads_the_status()
    {
        using var files = new AgentFiles();
        await using var agent = await KeptAgent.MakeAsync(machine, files);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(files, new ConnectionModel(slotLimit: RegionFile.Slots));
        await agent.NotifyNobodyAsync();

        // The status is sent some time after a change.
        var watch = Stopwatch.StartNew();
        for (var name = 0u; watch.Elapsed < Duration; name++)
        {
            Assert.Equal("0", (await client.RegisterAsync(name, flow: 1))!.Single().Word);
        }
    }
}
