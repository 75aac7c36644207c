using System.Diagnostics;

namespace MpibAgent.Benchmarks;

/// <summary>From exec to the first registration answered, what the agent then holds in memory, and how often it wakes with nothing to do.</summary>
internal static class StartBenchmark
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(10);

    public static void Run(Tools tools, TextWriter report, int rounds)
    {
        Console.WriteLine("start and idle");
        var milliseconds = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            var agent = tools.StartAgent();
            using (var client = new Interface.AgentClient(tools["m"] + "/agent.sock"))
            {
                client.Deregister(0);
            }

            milliseconds.Add(watch.Elapsed.TotalMilliseconds);
            Tools.Stop(agent);
        }

        var idle = tools.StartAgent();

        // The runtime's own threads come to rest within half a minute of the start.
        Thread.Sleep(TimeSpan.FromSeconds(30));
        var before = Switches(idle.Id);
        Thread.Sleep(Idle);
        var woken = Switches(idle.Id) - before;
        var resident = Tools.Field($"/proc/{idle.Id}/status", "VmRSS");
        var threads = Tools.Field($"/proc/{idle.Id}/status", "Threads");
        Tools.Stop(idle);

        report.WriteLine();
        report.WriteLine("## Start and rest");
        report.WriteLine();
        report.WriteLine("| what | figure |");
        report.WriteLine("|---|---|");
        report.WriteLine($"| exec to the first request answered, a shell's start included | {Report.Median(milliseconds):0} ms |");
        report.WriteLine($"| resident memory, idle | {resident / 1024.0:0.0} MiB |");
        report.WriteLine($"| threads | {threads} |");
        report.WriteLine($"| context switches in {Idle.TotalSeconds:0} s idle, all threads | {woken} |");
        report.WriteLine($"| the binary | {new FileInfo(tools.Agent).Length / 1048576.0:0.0} MiB |");
    }

    private static long Switches(int pid) => Directory.GetDirectories($"/proc/{pid}/task").Sum(task =>
        Tools.Field(task + "/status", "voluntary_ctxt_switches") + Tools.Field(task + "/status", "nonvoluntary_ctxt_switches"));
}
