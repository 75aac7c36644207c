using System.Diagnostics;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Ctl;

public sealed class SetCommandTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_hint_is_set_by_slot_by_flow_and_for_all_and_the_region_has_it()
    {
        using var agent = AgentProcess.Start(_files);
        using var plugin = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        plugin.Do("register 1 10.0.0.1 10.0.0.2");
        plugin.Do("register 2 10.0.0.1 10.0.0.3");
        using var region = new HintReader(_files["hints"]);

        Assert.Equal((0, "slot 7: hint 2, 66.7% on SUP, pinned\n", ""), Ctl.Run(_files, "set", "7", "2"));
        Assert.Equal(2u, region.Read(7).SupBw);
        Assert.Equal((0, "slot 1 (10.0.0.1 > 10.0.0.3): hint 3, 75.0% on SUP (the nearest to 75% in encoding multiplier), pinned\n", ""),
            Ctl.Run(_files, "set", "10.0.0.1,10.0.0.3", "75%"));
        Assert.Equal(3u, region.Read(1).SupBw);

        // The same again is confirmed too: seq tells that it was written.
        Assert.Equal(0, Ctl.Run(_files, "set", "1", "3").Code);
        Assert.Equal((0, "all slots, and those of flows to come: hint 0, 0.0% on SUP, pinned\n", ""), Ctl.Run(_files, "set", "all", "0"));
        Assert.All(Enumerable.Range(0, 256), slot => Assert.Equal(0u, region.Read(slot).SupBw));

        Assert.Equal((0, "all slots: given back to policy manual; the initial hint is 1, 50.0% on SUP\n", ""), Ctl.Run(_files, "unset", "all"));
        Assert.Equal(0, Ctl.Run(_files, "set", "1", "9").Code);
        Assert.Equal((0, "slot 1: given back to policy manual; hint 1, 50.0% on SUP\n", ""), Ctl.Run(_files, "unset", "10.0.0.1,10.0.0.3"));
        await agent.StopAsync();
    }

    [Fact]
    public async Task Under_ppm1024_a_percentage_is_another_hint()
    {
        using var agent = AgentProcess.Start(_files, arguments: "--encoding ppm1024");
        Assert.Equal((0, "slot 0: hint 676, 66.0% on SUP (the nearest to 66% in encoding ppm1024), pinned\n", ""), Ctl.Run(_files, "set", "0", "66%"));
        var (code, _, errors) = Ctl.Run(_files, "set", "0", "1025");
        Assert.Equal(2, code);
        Assert.Contains("expected a hint of 0 to 1024 (encoding ppm1024)", errors, StringComparison.Ordinal);
        await agent.StopAsync();
    }

    [Fact]
    public async Task Where_the_fifo_is_gone_it_says_what_makes_it_anew()
    {
        using var agent = AgentProcess.Start(_files);
        File.Delete(_files["control"]);
        Assert.EndsWith("there is no such file; run: systemctl restart mpib-control.socket mpib-agent\n", Ctl.Run(_files, "set", "0", "1").Errors, StringComparison.Ordinal);
        await agent.StopAsync();
    }

    [Fact]
    public void A_fifo_that_is_full_is_called_that()
    {
        using var agent = AgentProcess.Start(_files);
        agent.Signal("STOP");
        using (var fill = Process.Start("sh", ["-c", $"yes '#' 2>/dev/null | dd of={_files["control"]} oflag=nonblock bs=4096 2>/dev/null"]))
        {
            fill.WaitForExit();
        }

        Assert.Equal((1, $"mpibctl: {_files["control"]}: it is full of commands that nobody has read; the agent reads too slowly, or has just ended; see: mpibctl check\n"),
            Ctl.Run(_files, "set", "0", "7") is var (code, _, errors) ? (code, errors) : default);
    }

    [Fact]
    public async Task What_cannot_be_is_told_and_fails()
    {
        Assert.Equal(3, Ctl.Run(_files, "set", "0", "1").Code);
        Assert.Equal(3, Ctl.Run(_files, "unset", "0").Code);
        using var agent = AgentProcess.Start(_files);
        var (code, _, errors) = Ctl.Run(_files, "set", "10.0.0.8,10.0.0.9", "1");
        Assert.Equal((1, "mpibctl: no slot has the flow 10.0.0.8 > 10.0.0.9; see: mpibctl status\n"), (code, errors));

        // The FIFO takes it, and nobody acts.
        agent.Signal("STOP");
        (code, _, errors) = Ctl.Run(_files, "set", "0", "7");
        Assert.Equal(1, code);
        Assert.Contains("expected slot 0 to have hint 7 within 3 s, found hint 1", errors, StringComparison.Ordinal);
        agent.Signal("CONT");

        File.Move(_files["control"], _files["elsewhere"]);
        File.WriteAllText(_files["victim"], "");
        File.CreateSymbolicLink(_files["control"], _files["victim"]);
        (code, _, errors) = Ctl.Run(_files, "set", "0", "1");
        Assert.Equal(1, code);
        Assert.Contains("found a symbolic link", errors, StringComparison.Ordinal);
        Assert.Equal("", File.ReadAllText(_files["victim"]));
        await agent.StopAsync();
    }

    [Fact]
    public void A_fifo_that_nobody_reads_keeps_nobody_waiting()
    {
        using var agent = AgentProcess.Start(_files);
        File.Delete(_files["control"]);
        using (var mkfifo = Process.Start("mkfifo", [_files["control"]]))
        {
            mkfifo.WaitForExit();
        }

        var (code, _, errors) = Ctl.Run(_files, "set", "0", "1");
        Assert.Equal(1, code);
        Assert.Contains("nobody reads it", errors, StringComparison.Ordinal);
    }
}
