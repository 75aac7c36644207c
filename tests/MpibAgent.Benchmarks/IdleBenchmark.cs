using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace MpibAgent.Benchmarks;

/// <summary>Agents with nothing to do: how often each of their threads wakes up, and what CPU time and memory they take.</summary>
internal static class IdleBenchmark
{
    private const int Connections = 50_000;
    private const int Flows = 239;

    // What is done for the first time, and the runtime's own threads, come to rest within half a minute of the start.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);

    public static void Run(Tools tools, Run run)
    {
        // Its notifications wait here unread: there is room for more of them than come.
        var path = tools["idle.notify"];
        using var notified = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notified.Bind(new UnixDomainSocketEndPoint(path));

        var watched = new (string Name, Process Agent)[]
        {
            ("empty", tools.StartAgent("info", "m1")),
            ("full", tools.StartAgent("info", "m")),
            ("as a service, empty", StartService(tools, path)),
        };
        using var holder = TableBenchmark.StartHolder(tools, Connections, Flows);
        Thread.Sleep(run.Idle < Settling ? run.Idle : Settling);
        var before = watched.Select(one => Threads(one.Agent.Id)).ToArray();
        Thread.Sleep(run.Idle);
        var after = watched.Select(one => Threads(one.Agent.Id)).ToArray();

        Report.Section(run, $"Nothing to do for {run.Idle.TotalSeconds:0} s",
            [
                $"\"Full\" holds {Connections} connections in {Flows} flows. \"As a service\" is told to feed a watchdog of 20 s, as the unit has it. Wake-ups are voluntary and",
                "involuntary context switches.",
            ],
            "agent", "wake-ups, all threads", "CPU ticks of 10 ms", "resident memory", "threads");
        for (var i = 0; i < watched.Length; i++)
        {
            var pid = watched[i].Agent.Id;
            Report.Row(run, watched[i].Name, Woken(before[i], after[i]).Sum(thread => thread.Switches), Woken(before[i], after[i]).Sum(thread => thread.Ticks),
                $"{Tools.Field($"/proc/{pid}/smaps_rollup", "Rss") / 1024.0:0.0} MiB", after[i].Count);
        }

        run.Report.WriteLine();
        Report.Table(run, ["thread", .. watched.Select(one => $"wake-ups, {one.Name}")]);
        foreach (var name in after.SelectMany(threads => threads.Values.Select(thread => thread.Name)).Distinct())
        {
            Report.Row(run, [name, .. watched.Select((_, i) => (object)Woken(before[i], after[i]).Where(thread => thread.Name == name).Sum(thread => thread.Switches))]);
        }

        TableBenchmark.End(holder);
        Array.ForEach(watched, one => Tools.Stop(one.Agent));
    }

    private static Process StartService(Tools tools, string notifySocket)
    {
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", notifySocket);
        Environment.SetEnvironmentVariable("WATCHDOG_USEC", "20000000");
        try
        {
            return tools.StartAgent("info", "m2");
        }
        finally
        {
            Environment.SetEnvironmentVariable("NOTIFY_SOCKET", null);
            Environment.SetEnvironmentVariable("WATCHDOG_USEC", null);
        }
    }

    /// <summary>By directory in /proc. One that came meanwhile counts from nothing, one that went is gone.</summary>
    private static IEnumerable<Figures> Woken(Dictionary<string, Figures> before, Dictionary<string, Figures> after) => after.Select(pair =>
    {
        var earlier = before.GetValueOrDefault(pair.Key);
        return new Figures(pair.Value.Name, pair.Value.Switches - earlier.Switches, pair.Value.Ticks - earlier.Ticks);
    });

    private static Dictionary<string, Figures> Threads(int pid) => Directory.GetDirectories($"/proc/{pid}/task").ToDictionary(task => task, task =>
    {
        // Behind the name, which may hold blanks: the state is field 3, utime 14, stime 15.
        var fields = File.ReadAllText(task + "/stat").Split(") ")[^1].Split(' ');
        return new Figures(File.ReadAllText(task + "/comm").Trim(),
            Tools.Field(task + "/status", "voluntary_ctxt_switches") + Tools.Field(task + "/status", "nonvoluntary_ctxt_switches"),
            long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture));
    });

    private readonly record struct Figures(string Name, long Switches, long Ticks);
}
