
namespace MpibAgent.Benchmarks;

/// <summary>From the write of a command to the moment that a reader of the region sees its hint: the agent beside a bare C reader of a FIFO.</summary>
internal static class ControlBenchmark
{
    public static void Run(Tools tools, Run run)
    {
        var (floor, loop, quiet, logging) = (new Figures(), new Figures(), new Figures(), new Figures());
        for (var round = 0; round < run.Rounds; round++)
        {
            floor.Add(MeasureFloor(tools, ""));
            loop.Add(MeasureFloor(tools, "epoll"));
            quiet.Add(MeasureAgent(tools, "warning"));
            logging.Add(MeasureAgent(tools, "info"));
        }

        Report.Section(run, "A command written to the FIFO, until its hint is seen in the region",
            [
                "The bare reader does nothing but sleep in read(2). One that has other descriptors to serve as well waits for all of them and then reads: the second row, and what the agent",
                "can be held against. The agent is quiet and logs as in the first table.",
            ],
            "reader", "p50 µs", "of the bare one", "p99 µs");
        Row(run, "bare C", floor, floor);
        Row(run, "C, by epoll", loop, floor);
        Row(run, "agent, quiet", quiet, floor);
        Row(run, "agent, logging", logging, floor);
    }

    private static (double P50, double P99) MeasureFloor(Tools tools, string by)
    {
        using var server = tools.StartFloor("control_floor", $"{tools["floor.fifo"]} {tools["floor.hints"]} {by}");
        var result = Measure(tools, tools["floor.fifo"], tools["floor.hints"]);
        Tools.Stop(server);
        File.Delete(tools["floor.fifo"]);
        File.Delete(tools["floor.hints"]);
        return result;
    }

    private static (double P50, double P99) MeasureAgent(Tools tools, string logLevel)
    {
        using var server = tools.StartAgent(logLevel);
        var result = Measure(tools, tools["m"] + "/control", tools["m"] + "/hints");
        Tools.Stop(server);
        return result;
    }

    private static (double P50, double P99) Measure(Tools tools, string fifo, string hints)
    {
        var result = tools.Measure("control", fifo, hints, "0", "1000");
        return (result.GetProperty("p50_us").GetDouble(), result.GetProperty("p99_us").GetDouble());
    }

    private static void Row(Run run, string name, Figures results, Figures floor) => Report.Row(run, name, $"{Report.Median(results.Select(r => r.P50)):0.0}",
        $"{Report.Median(results.Zip(floor, (result, bare) => result.P50 / bare.P50)):0.00}", $"{Report.Median(results.Select(r => r.P99)):0.0}");

    private sealed class Figures : List<(double P50, double P99)>;
}
