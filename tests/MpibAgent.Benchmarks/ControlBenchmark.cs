
namespace MpibAgent.Benchmarks;

/// <summary>From the write of a command to the moment that a reader of the region sees its hint: the agent beside a bare C reader of a FIFO.</summary>
internal static class ControlBenchmark
{
    public static void Run(Tools tools, Run run)
    {
        var agent = new List<(double P50, double P99)>();
        var floor = new List<(double P50, double P99)>();
        for (var round = 0; round < run.Rounds; round++)
        {
            using (var server = tools.StartFloor("control_floor", $"{tools["floor.fifo"]} {tools["floor.hints"]}"))
            {
                floor.Add(Measure(tools, tools["floor.fifo"], tools["floor.hints"]));
                Tools.Stop(server);
            }

            File.Delete(tools["floor.fifo"]);
            File.Delete(tools["floor.hints"]);
            var started = tools.StartAgent();
            agent.Add(Measure(tools, tools["m"] + "/control", tools["m"] + "/hints"));
            Tools.Stop(started);
        }

        Report.Section(run, "A command written to the FIFO, until its hint is seen in the region", [], "reader", "p50 µs", "p99 µs");
        Row(run, "bare C", floor);
        Row(run, "agent", agent);
        run.Report.WriteLine();
        run.Report.WriteLine($"Ratio of the medians: {Report.Median(agent.Zip(floor, (a, f) => a.P50 / f.P50)):0.00}.");
    }

    private static (double P50, double P99) Measure(Tools tools, string fifo, string hints)
    {
        var result = tools.Measure("control", fifo, hints, "0", "1000");
        return (result.GetProperty("p50_us").GetDouble(), result.GetProperty("p99_us").GetDouble());
    }

    private static void Row(Run run, string name, List<(double P50, double P99)> results) =>
        Report.Row(run, name, $"{Report.Median(results.Select(r => r.P50)):0.0}", $"{Report.Median(results.Select(r => r.P99)):0.0}");
}
