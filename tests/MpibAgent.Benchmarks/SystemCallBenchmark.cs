using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.Benchmarks;

/// <summary>The system calls that the agent makes for a registration, counted by strace(1).</summary>
internal static class SystemCallBenchmark
{
    private const double Least = 0.005;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private const string Waiting = "the loop waits until there is a peer, or more of one's bytes";
    private const string Memory = "memory of the runtime, for the text of log lines";
    private const string StatusFile = "the status file, replaced at most once a second";
    private const string LogThread = "the log's thread is woken, or waits";

    private static readonly Dictionary<string, string> Purposes = new()
    {
        ["accept4"] = "takes the peer; once more, to learn that no other waits",
        ["close"] = "the peer's socket",
        ["epoll_ctl"] = "a peer whose bytes, or whose end, are not there yet joins the loop",
        ["epoll_pwait"] = Waiting,
        ["epoll_wait"] = Waiting,
        ["futex"] = LogThread,
        ["getsockopt"] = "which process it is, as the kernel vouches (SO_PEERCRED)",
        ["madvise"] = Memory,
        ["mmap"] = Memory,
        ["mprotect"] = Memory,
        ["munmap"] = Memory,
        ["newfstatat"] = StatusFile,
        ["openat"] = StatusFile,
        ["poll"] = "that the process which is known by this pid still lives, so the pid is its own",
        ["recvfrom"] = "the request; once more, for the end of the stream",
        ["sched_yield"] = "after every eight lines the log's thread lets others have its core",
        ["sendto"] = "the response",
        ["write"] = "lines of the log, up to eight at once",
        ["writev"] = "lines of the log",
    };

    public static void Run(Tools tools, Run run)
    {
        var (quiet, logging) = (Count(tools, run, "warning"), Count(tools, run, "info"));
        if (quiet is null || logging is null)
        {
            run.Report.WriteLine();
            run.Report.WriteLine("## System calls per registration");
            run.Report.WriteLine();
            run.Report.WriteLine("Not measured: strace is not installed here, or may not trace.");
            return;
        }

        Report.Section(run, "System calls per registration",
            [
                "All threads of the agent, one client, each registration by a socket of its own as the plugin makes it. Counted by `strace -c -f`, which slows the agent down:",
                $"at full speed several peers wait at once, and the end of a stream may be late (`epoll_ctl`). What is below {Least} per registration is not listed.",
            ],
            "call", "quiet", "logging", "what for");
        Report.Row(run, "all", $"{quiet.Values.Sum():0.00}", $"{logging.Values.Sum():0.00}", "");
        foreach (var call in logging.Keys.Union(quiet.Keys).OrderByDescending(call => quiet.GetValueOrDefault(call)).ThenByDescending(call => logging.GetValueOrDefault(call)))
        {
            if (quiet.GetValueOrDefault(call) >= Least || logging.GetValueOrDefault(call) >= Least)
            {
                Report.Row(run, $"`{call}`", $"{quiet.GetValueOrDefault(call):0.00}", $"{logging.GetValueOrDefault(call):0.00}", Purposes.GetValueOrDefault(call, "not explained"));
            }
        }
    }

    /// <summary>Calls per registration, by name; null where they cannot be counted.</summary>
    private static Dictionary<string, double>? Count(Tools tools, Run run, string logLevel)
    {
        var agent = tools.StartAgent(logLevel);
        try
        {
            // What is done for the first time is not a registration's.
            tools.Measure("load", "--live", "65536", tools["m"] + "/agent.sock", "1", "0.2");
            var table = tools["strace"];
            using var strace = Process.Start("strace", ["-q", "-c", "-f", "-p", Text(agent.Id), "-o", table]);
            if (!SpinWait.SpinUntil(() => strace.HasExited || Directory.GetDirectories($"/proc/{agent.Id}/task").All(IsTraced), Limit) || strace.HasExited)
            {
                return null;
            }

            var load = tools.Measure("load", "--live", "65536", tools["m"] + "/agent.sock", "1", Text(run.Seconds));
            using (var interrupt = Process.Start("kill", ["-INT", Text(strace.Id)]))
            {
                interrupt.WaitForExit();
            }

            strace.WaitForExit();
            var requests = load.GetProperty("requests").GetDouble();

            // "% time, seconds, usecs/call, calls, errors or nothing, syscall" between two rulers, then the total.
            return File.ReadLines(table).Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
                .Where(words => words.Length >= 5 && char.IsAsciiDigit(words[0][0]) && words[^1] != "total")
                .ToDictionary(words => words[^1], words => long.Parse(words[3], CultureInfo.InvariantCulture) / requests);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
        finally
        {
            Tools.Stop(agent);
        }
    }

    private static bool IsTraced(string task)
    {
        try
        {
            return Tools.Field(task + "/status", "TracerPid") != 0;
        }
        catch (Exception gone) when (gone is IOException or DirectoryNotFoundException)
        {
            return true;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
