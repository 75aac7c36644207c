using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.Benchmarks;

/// <summary>What the adaptive policy costs while a job sends: a real agent, and the counters of two NICs that a program writes.</summary>
internal static class SteeringBenchmark
{
    private const int Connections = 239;

    /// <summary>As often as the agent that has settled wakes up, with its probes.</summary>
    private const int SettledMilliseconds = 17;

    private const double SoutRate = 50e9, SupRate = 25e9;

    // The split is found and has settled long before.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(10);

    public static void Run(Tools tools, Run run)
    {
        var cases = new (string Name, bool IsAgent, bool IsTold, Func<Process> Start)[]
        {
            ("floor, every 5 ms", false, true, () => StartFloor(tools, 5)),
            ($"floor, every {SettledMilliseconds} ms", false, true, () => StartFloor(tools, SettledMilliseconds)),
            ("adaptive, 240 flows, settled", true, true, () => StartAgent(tools)),
            ("adaptive, 240 flows, settled, links not told (InfiniBand)", true, false, () => StartAgent(tools)),
        };
        var results = cases.Select(_ => new List<(double Cpu, double Woken)>()).ToArray();
        for (var round = 0; round < run.Rounds; round++)
        {
            for (var i = 0; i < cases.Length; i++)
            {
                MakeRails(tools, cases[i].IsTold);
                results[i].Add(Measure(tools, cases[i].Start(), cases[i].IsAgent));
            }
        }

        Report.Section(run, "Steering",
            [
                "A job that always sends, over rails of 400 and 200 Gb/s whose rates vary by 1 % from one millisecond to the next (`nics.c`, on a core of its own beside each of them).",
                "The counters are files in /dev/shm: those of the kernel's interfaces, and of RDMA devices, take longer to read (see Pieces). The floor wakes up, reads both counters, and does",
                "nothing with them; who sleeps longer finds less in the caches. What is left of the agent's cost grows neither with flows nor with connections.",
                $"{Watched.TotalSeconds:0} s each.",
            ],
            "what", "wake-ups per second", "CPU, of a core", "CPU µs per wake-up");
        for (var i = 0; i < cases.Length; i++)
        {
            var (cpu, woken) = (Report.Median(results[i].Select(result => result.Cpu)), Report.Median(results[i].Select(result => result.Woken)));
            Report.Row(run, cases[i].Name, $"{woken:0}", $"{cpu * 100:0.00} %", $"{cpu / woken * 1e6:0}");
        }
    }

    /// <summary>With a region beside it, since the NICs' program goes by one.</summary>
    private static Process StartFloor(Tools tools, int milliseconds)
    {
        Tools.Stop(tools.StartAgent("warning", "n", "--encoding", "ppm1024", "--initial-hint", "512"));
        var floor = tools.StartFloor("steering_floor", $"{milliseconds} {Counter(tools, "sout")} {Counter(tools, "sup")}");
        File.Copy($"{tools["n"]}/hints", $"{tools["m"]}/hints");
        return floor;
    }

    private static Process StartAgent(Tools tools) => tools.StartAgent("info", "m", "--policy", "adaptive", "--encoding", "ppm1024", "--initial-hint", "512",
        "--sout", "sout", "--sup", "sup", "--sys-root", tools["sys"]);

    private static (double Cpu, double Woken) Measure(Tools tools, Process server, bool isAgent)
    {
        var holder = isAgent ? TableBenchmark.StartHolder(tools, Connections, Connections) : null;
        using var nics = StartNics(tools);
        Thread.Sleep(Settling);
        var (before, watch) = (Figures(server.Id), Stopwatch.StartNew());
        Thread.Sleep(Watched);
        var (after, seconds) = (Figures(server.Id), watch.Elapsed.TotalSeconds);
        nics.Kill();
        nics.WaitForExit();
        if (holder is not null)
        {
            TableBenchmark.End(holder);
        }

        Tools.Stop(server);
        return ((after.Cpu - before.Cpu) / seconds, (after.Woken - before.Woken) / seconds);
    }

    private static Process StartNics(Tools tools)
    {
        var nics = tools.Own(Process.Start(new ProcessStartInfo(tools["nics"],
            [tools["m"] + "/hints", "0", Counter(tools, "sout"), Counter(tools, "sup"), .. new[] { SoutRate, SupRate }.Select(rate => rate.ToString(CultureInfo.InvariantCulture))])
        {
            RedirectStandardOutput = true,
        })!);
        return nics.StandardOutput.ReadLine() == "ready" ? nics : throw new InvalidOperationException("nics ended early");
    }

    private static string Counter(Tools tools, string rail) => $"{tools["sys"]}/class/net/{rail}/statistics/tx_bytes";

    private static void MakeRails(Tools tools, bool isTold)
    {
        tools.Clear("sys");
        foreach (var (rail, rate) in new[] { ("sout", SoutRate), ("sup", SupRate) })
        {
            var device = $"{tools["sys"]}/class/net/{rail}";
            Directory.CreateDirectory($"{device}/statistics");
            File.WriteAllText($"{device}/statistics/tx_bytes", "00000000000000000000\n");
            File.WriteAllText($"{device}/operstate", "up\n");
            File.WriteAllText($"{device}/carrier", "1\n");
            File.WriteAllText($"{device}/speed", $"{rate * 8 / 1e6:0}\n");
            if (isTold)
            {
                // That of the loopback interface, of which the kernel has news as of any other.
                File.WriteAllText($"{device}/ifindex", "1\n");
            }
        }
    }

    /// <summary>Seconds of CPU, and how often a thread woke up, over all threads.</summary>
    private static (double Cpu, double Woken) Figures(int pid)
    {
        var (cpu, woken) = (0.0, 0.0);
        foreach (var task in Directory.GetDirectories($"/proc/{pid}/task"))
        {
            cpu += long.Parse(File.ReadAllText(task + "/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1e9;
            woken += Tools.Field(task + "/status", "voluntary_ctxt_switches");
        }

        return (cpu, woken);
    }
}
