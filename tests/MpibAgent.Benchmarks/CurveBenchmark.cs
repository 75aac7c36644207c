using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MpibAgent.Benchmarks;

/// <summary>
/// Registration over the number of live connections, of flows and of clients: the agent beside the floor (floor.c), drawn, with the figures of every
/// round as CSV.
/// </summary>
internal static class CurveBenchmark
{
    private const int Clients = 8;

    // The shape shows in few rounds, and there are many points.
    private const int MostRounds = 3;

    private const string Head = "curve,x,server,round,per_second,p50_us,p99_us";

    public static void Run(Tools tools, Run run)
    {
        var curves = new (string Name, string Axis, int[] Points, Func<int, IEnumerable<Point>> Measure)[]
        {
            ("connections", "live connections, in at most 239 flows", [1, 10, 100, 1000, 10_000, 100_000], _ => []),
            ("flows", "flows", [1, 4, 16, 64, 128, 256], x => Both(tools, run, x, Clients, x)),
            ("clients", "clients at once", [1, 2, 4, 16, 64, 256], x => Both(tools, run, x, x, 16)),
        };
        var points = new Dictionary<string, List<Point>>();
        var rounds = Math.Min(run.Rounds, MostRounds);
        foreach (var (name, _, xs, measure) in curves)
        {
            points[name] = [];
            for (var round = 1; round <= rounds; round++)
            {
                var measured = name == "connections" ? OverConnections(tools, run, xs) : xs.SelectMany(measure);
                points[name].AddRange(measured.Select(point => point with { Round = round }));
            }
        }

        File.WriteAllLines(Path.Combine(run.Output, "benchmarks.csv"), points.SelectMany(curve => curve.Value.Select(point => $"{curve.Key},{point}")).Prepend(Head));
        run.Report.WriteLine();
        run.Report.WriteLine("## How registration scales");
        run.Report.WriteLine();
        run.Report.WriteLine($"The agent with `--log-level warning`, {Clients} clients and 16 flows where the curve is not over these. Over connections each client registers and deregisters");
        run.Report.WriteLine($"in turn, so their number stays; over flows and clients all registrations are new. Lines are medians of {rounds} rounds, all of which are in");
        run.Report.WriteLine("`benchmarks.csv`, beside this file in the source. The ends of the scales are near the limits: 131,072 connections of one user (`ConnectionsPerUser`; they take");
        run.Report.WriteLine("no descriptors, processes do), 256 flows (the interface; `SlotsPerUser` raised from 240 for this), 1,024 sockets at once (`MaxPeers`).");
        foreach (var (name, axis, _, _) in curves)
        {
            CurvePicture.Save(Path.Combine(run.Output, "pictures", $"registrations-{name}.svg"), axis, points[name]);
            run.Report.WriteLine();
            run.Report.WriteLine($"![Registrations over {name}](pictures/registrations-{name}.svg)");
        }

        run.Report.WriteLine();
        Report.Table(run, "over", "from", "to", "agent: requests per second there", "of the floor", "p99 µs");
        foreach (var (name, _, xs, _) in curves)
        {
            var (first, last) = (Of(points[name], xs[0]), Of(points[name], xs[^1]));
            Report.Row(run, name, xs[0], xs[^1], $"{first.PerSecond:0}, {last.PerSecond:0}", $"{first.Ratio:0.00}, {last.Ratio:0.00}", $"{first.P99:0}, {last.P99:0}");
        }
    }

    private static (double PerSecond, double Ratio, double P99) Of(List<Point> points, int x)
    {
        // In the order of the rounds.
        Point[] agent = [.. points.Where(point => point.X == x && point.IsAgent)], floor = [.. points.Where(point => point.X == x && !point.IsAgent)];
        return (Report.Median(agent.Select(point => point.PerSecond)), Report.Median(agent.Zip(floor, (one, bare) => one.PerSecond / bare.PerSecond)),
            Report.Median(agent.Select(point => point.P99)));
    }

    /// <summary>One agent to which more and more connections come. The floor has none, ever.</summary>
    private static List<Point> OverConnections(Tools tools, Run run, int[] counts)
    {
        var points = new List<Point>();
        var holders = new List<Process>();
        var agent = tools.StartAgent("warning");
        foreach (var (before, count) in counts.Prepend(0).Zip(counts))
        {
            holders.Add(TableBenchmark.StartHolder(tools, count - before, Math.Min(count, 239)));
            points.Add(Measure(tools, run, "m", isAgent: true, count, Clients, "pair"));
        }

        holders.ForEach(TableBenchmark.End);
        Tools.Stop(agent);

        using var floor = tools.StartFloor("floor", tools["floor.sock"]);
        points.AddRange(counts.Select(count => Measure(tools, run, "floor.sock", isAgent: false, count, Clients, "pair")));
        Tools.Stop(floor);
        return points;
    }

    private static IEnumerable<Point> Both(Tools tools, Run run, int x, int clients, int flows)
    {
        var floor = tools.StartFloor("floor", tools["floor.sock"]);
        yield return Measure(tools, run, "floor.sock", isAgent: false, x, clients, "register", flows);
        Tools.Stop(floor);
        var agent = tools.StartAgent("warning", "m", "--slots-per-user", "256");
        yield return Measure(tools, run, "m", isAgent: true, x, clients, "register", flows);
        Tools.Stop(agent);
    }

    private static Point Measure(Tools tools, Run run, string socket, bool isAgent, int x, int clients, string mode, int flows = 16)
    {
        JsonElement result = tools.Measure("load", "--live", Text(65536 / clients), "--flows", Text(flows), isAgent ? tools[socket] + "/agent.sock" : tools[socket],
            Text(clients), Text(run.Seconds), mode);
        double Figure(string name) => result.GetProperty(name).GetDouble();
        return new Point(x, isAgent, 0, Figure("per_second"), Figure("p50_us"), Figure("p99_us"));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>One measurement of one server.</summary>
    internal readonly record struct Point(int X, bool IsAgent, int Round, double PerSecond, double P50, double P99)
    {
        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"{X},{(IsAgent ? "agent" : "floor")},{Round},{PerSecond:0.0},{P50:0.00},{P99:0.00}");
    }
}
