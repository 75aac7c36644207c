using MpibCtl;

namespace MpibAgent.Tests.Ctl;

/// <summary>An agent that lives and cannot write its snapshot.</summary>
public sealed class LookoutTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public LookoutTests() => File.SetUnixFileMode(_files.Path, (UnixFileMode)0x1ED);

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_snapshot_that_stays_behind_the_region_is_told_and_one_that_is_merely_old_is_not()
    {
        using var agent = AgentProcess.Start(_files);
        using var plugin = PluginProcess.Start(_files["agent.sock"], _files["hints"]);

        // In the way of the next one.
        Directory.CreateDirectory(_files["status.json.new"]);
        Wait.Until(() => BootClock.Now() - AgentView.Read(_files["status.json"]).Snapshot!.WrittenAt > 6);
        Assert.Equal(0, Ctl.Run(_files, "status").Code);
        Assert.Contains("ok    status    ", Ctl.Run(_files, "check").Output, StringComparison.Ordinal);

        plugin.Do("register 1 10.0.0.1 10.0.0.2");
        var (code, output, _) = Ctl.Run(_files, "status");
        Assert.Equal(1, code);
        Assert.Contains("serving, degraded", output, StringComparison.Ordinal);
        Assert.Matches(@"status\.json: not written for \d+s, though the region has changed since: its file system is full", output);
        (code, output, _) = Ctl.Run(_files, "check");
        Assert.Equal(1, code);
        Assert.Contains($"WRONG status    {_files["status.json"]}: not written for", output, StringComparison.Ordinal);
        Assert.Contains($"run: df {_files.Path}; journalctl -u mpib-agent MPIB_EVENT=status-not-written -n 1", output, StringComparison.Ordinal);
        Assert.Contains("10.0.0.1 > 10.0.0.2", Ctl.Run(_files, "top", "-n", "1").Output, StringComparison.Ordinal);

        Directory.Delete(_files["status.json.new"]);
        Wait.Until(() => Ctl.Run(_files, "status").Code == 0);
        await agent.StopAsync();
    }

    [Fact]
    public async Task While_a_policy_moves_the_hints_all_the_time_the_snapshot_follows()
    {
        using var agent = AgentProcess.Start(_files, arguments: "--policy alternating --alternating-ms 1");
        using var plugin = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        plugin.Do("register 1 10.0.0.1 10.0.0.2");
        var lookout = new Lookout(_files["status.json"]);
        var began = BootClock.Now();
        Wait.Until(() =>
        {
            var view = lookout.Find();
            Assert.Equal((Liveness.Alive, ""), (view.State, view.Problem));
            return view.Snapshot!.WrittenAt > began + 8;
        });
        await agent.StopAsync();
    }
}
