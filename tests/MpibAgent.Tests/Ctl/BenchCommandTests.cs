using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class BenchCommandTests
{
    [Theory]
    [InlineData("")]
    [InlineData("--new-flows")]
    public async Task It_leaves_nothing_behind(string option)
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files);
        var (code, output, errors) = Ctl.Run(files, ["bench", "-n", "50", .. option.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith("50 rounds in ", output, StringComparison.Ordinal);
        Assert.Matches(@"register  ( +\d+){5}\nderegister( +\d+){5}\n", output);
        Assert.Contains("no slot is in use", Ctl.Run(files, "status").Output, StringComparison.Ordinal);
        await agent.StopAsync();
        Assert.Equal(3, Ctl.Run(files, "bench").Code);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("--new-flows", 1)]
    public async Task It_takes_no_slot_that_was_set_for_a_job_to_come(string option, int slot)
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files);
        Assert.Equal(0, Ctl.Run(files, "set", slot.ToString(CultureInfo.InvariantCulture), "7").Code);
        Wait.Until(() => Ctl.Run(files, "status").Output.Contains("operator", StringComparison.Ordinal));
        string[] bench = ["bench", "-n", "5", .. option.Split(' ', StringSplitOptions.RemoveEmptyEntries)];

        Assert.Equal((1, $"mpibctl: slot {slot} would be taken, and lose the hint that was set for a job to come; bench when that job has begun, or run: mpibctl unset {slot}\n"),
            Ctl.Run(files, bench) is var (code, _, errors) ? (code, errors) : default);
        using (var region = new MpibAgent.Interface.HintReader(files["hints"]))
        {
            Assert.Equal(7u, region.Read(slot).SupBw);
        }

        Assert.Equal(0, Ctl.Run(files, "unset", slot.ToString(CultureInfo.InvariantCulture)).Code);
        Assert.Equal(0, Ctl.Run(files, bench).Code);
        await agent.StopAsync();
    }

    [Fact]
    public async Task An_interrupt_does_not_wait_for_an_agent_that_does_not_answer()
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files);
        File.Delete(files["agent.sock"]);
        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(files["agent.sock"]));
        silent.Listen();
        using var bench = Process.Start(new ProcessStartInfo(Ctl.Program, ["bench", "--agent", files["status.json"]]) { RedirectStandardError = true })!;
        using var peer = await silent.AcceptAsync(TestContext.Current.CancellationToken);

        using (var kill = Process.Start("kill", ["-INT", bench.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Contains("no answer, not waited for any longer", await bench.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await bench.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, bench.ExitCode);
    }

    [Fact]
    public void Percentiles_are_values_that_came()
    {
        double[] times = [.. Enumerable.Range(1, 100).Select(i => (double)i)];
        Assert.Equal((50, 99, 100, 100), (BenchCommand.Percentile(times, 50), BenchCommand.Percentile(times, 99), BenchCommand.Percentile(times, 99.9), BenchCommand.Percentile(times, 100)));
        Assert.Equal(0, BenchCommand.Percentile([], 50));
        Assert.Equal(7, BenchCommand.Percentile([7], 1));
    }
}
