using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>A state directory without room: a tiny file system, filled up.</summary>
public sealed class FullDiskTests(SystemdMachine machine) : IAsyncLifetime
{
    private const int RecordsOfANewStateFile = 1024;

    private readonly AgentFiles _files = new();
    private readonly ConnectionModel _connections = new(slotLimit: RegionFile.Slots);

    private string Disk => _files["disk"];

    private string Filler => Path.Combine(Disk, "filler");

    public async ValueTask InitializeAsync()
    {
        Prerequisites.Require();
        Directory.CreateDirectory(Disk);
        _ = (await Command.RunAsync(["mount", "-t", "tmpfs", "-o", "size=128k,mode=0755", "tmpfs", Disk])).Text;
        _files.State = Path.Combine(Disk, "state");
    }

    public async ValueTask DisposeAsync()
    {
        if (Directory.Exists(Disk))
        {
            _ = (await Command.RunAsync(["umount", "--lazy", Disk])).Text;
        }

        _files.Dispose();
    }

    [Fact]
    public async Task Connections_beyond_the_room_are_refused_until_there_is_room_and_none_is_lost()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(_files, _connections);
        FillUp();

        for (var first = 0u; first < RecordsOfANewStateFile; first += 128)
        {
            Assert.All((await client.RegisterAsync(first, flow: 1, count: 128))!, reply => Assert.Equal(ReplyKind.Done, reply.Kind));
        }

        Assert.All((await client.RegisterAsync(2000, flow: 2, count: 3))!, reply => Assert.Equal("status-1", reply.Word));
        await agent.SaysAsync("the state file cannot grow; make room on its file system");
        Assert.True(RegionFile.Read(_files.Hints)[1].IsFree);

        // What is there is served as ever.
        Assert.Equal("0", (await client.RegisterAsync(1, flow: 1))!.Single().Word);
        Assert.Equal("0", (await client.DeregisterAsync(2))!.Single().Word);
        Assert.Equal("1", (await client.RegisterAsync(2000, flow: 2))!.Single().Word);
        Assert.Equal("status-1", (await client.RegisterAsync(2001, flow: 2))!.Single().Word);

        // Also by the next one.
        await agent.KillAsync();
        await agent.StartAsync();
        Assert.Equal((2, RecordsOfANewStateFile), agent.Statuses[0]);
        Assert.Equal("status-1", (await client.RegisterAsync(2001, flow: 2))!.Single().Word);

        File.Delete(Filler);
        Assert.All((await client.RegisterAsync(3000, flow: 3, count: 128))!, reply => Assert.Equal("2", reply.Word));
        await agent.StatusAsync(3, RecordsOfANewStateFile + 128);
    }

    [Fact]
    public async Task Without_room_for_a_state_file_it_says_so_and_starts_once_there_is()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        FillUp();

        await agent.LaunchAsync();

        Assert.Equal("exit 1", await agent.EndAsync());
        Assert.Contains("make room", agent.Log, StringComparison.Ordinal);
        File.Delete(Filler);
        await agent.StartAsync();
    }

    [Fact]
    public async Task Whoever_takes_each_page_that_is_free_does_not_keep_it_from_a_restart()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files);
        await agent.StartAsync();
        using var enough = new CancellationTokenSource();
        var filler = Task.Run(() =>
        {
            while (!enough.IsCancellationRequested)
            {
                FillUp();
            }
        }, TestContext.Current.CancellationToken);
        for (var i = 0; i < 10; i++)
        {
            await agent.KillAsync();
            await agent.StartAsync();
        }

        await enough.CancelAsync();
        await filler;
    }

    [Fact]
    public async Task Where_the_size_of_files_is_limited_it_is_the_same()
    {
        await using var agent = await KeptAgent.MakeAsync(machine, _files, under: ["prlimit", "--fsize=65536"]);
        await agent.StartAsync();
        await using var client = await ChaosClient.StartAsync(_files, _connections);
        for (var first = 0u; first < RecordsOfANewStateFile; first += 128)
        {
            Assert.All((await client.RegisterAsync(first, flow: 1, count: 128))!, reply => Assert.Equal(ReplyKind.Done, reply.Kind));
        }

        Assert.Equal("status-1", (await client.RegisterAsync(2000, flow: 1))!.Single().Word);
        Assert.Equal("0", (await client.RegisterAsync(1, flow: 1))!.Single().Word);
        await agent.StopAsync();
    }

    /// <summary>Until not a page is left.</summary>
    private void FillUp()
    {
        using var filler = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
            {
                filler.Write(new byte[4096]);
            }
        }
        catch (IOException)
        {
            // No space left on device.
        }
    }
}
