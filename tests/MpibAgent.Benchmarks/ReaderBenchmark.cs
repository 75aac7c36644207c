using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace MpibAgent.Benchmarks;

/// <summary>What a reader of the region (reader.c) notices of the agent: at rest, writing, stopped at any instant, killed.</summary>
internal static partial class ReaderBenchmark
{
    private const int Stop = 19;
    private const int Continue = 18;
    private const int Kill = 9;

    public static void Run(Tools tools, Run run)
    {
        Report.Section(run, "A reader of the region",
            [
                "A C program reads slot 0 by the loop of the interface, as fast as it can and with a look at the clock each time. A second try means that the",
                "entry changed meanwhile. The worst read is as a rule one in which the reader itself was preempted: look at the row of the agent at rest. Stops are by SIGSTOP, at random",
                "instants, for 1 to 5 ms. That nobody waits for a hint wherever the agent is stopped is tried store by store in",
                "`tests/MpibAgent.AcceptanceTests/Chaos/HeldBetweenStoresTests.cs`. Addresses are written under an odd `seq`, as the interface has it: a reader of that one",
                "slot would wait for an agent that is stopped among those three stores, or until the next agent's start where it is killed there.",
            ],
            "the agent", "reads per second, millions", "worst read µs", "most tries", "reads that took more than one", "hints seen to change");
        Row(run, "at rest", Measure(tools, run, static (_, _, _) => { }));
        Row(run, "writes hints of the slot as fast as it can", Measure(tools, run, (_, _, end) => WriteHints(tools, end)));
        Row(run, "the same, stopped and let go", Measure(tools, run, (agent, _, end) => While(() => WriteHints(tools, end), () => StopAndGo(agent, end))));
        Row(run, "the same, killed in the middle", Measure(tools, run, (agent, began, end) => While(() => WriteHints(tools, end), () => KillAt(agent, began, end)), isKilled: true));
        Row(run, "gives the slot to a flow and takes it back as fast as it can", Measure(tools, run, (_, _, end) => GiveAndTake(tools, end)));
        Row(run, "the same, stopped and let go", Measure(tools, run, (agent, _, end) => While(() => GiveAndTake(tools, end), () => StopAndGo(agent, end))));
    }

    /// <summary>Reads while something is done to an agent until the end is reached, on a clock of <see cref="Stopwatch"/>.</summary>
    private static List<JsonElement> Measure(Tools tools, Run run, Action<Process, long, long> act, bool isKilled = false)
    {
        var results = new List<JsonElement>();
        for (var round = 0; round < run.Rounds; round++)
        {
            var agent = tools.StartAgent("warning");
            using var reader = Process.Start(new ProcessStartInfo(tools["reader"], [tools["m"] + "/hints", "0", run.Seconds.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardOutput = true,
            })!;
            _ = reader.StandardOutput.ReadLine();
            var began = Stopwatch.GetTimestamp();
            act(agent, began, began + (run.Seconds * Stopwatch.Frequency));
            results.Add(JsonDocument.Parse(reader.StandardOutput.ReadLine()!).RootElement);
            reader.WaitForExit();
            if (isKilled)
            {
                agent.Dispose();
            }
            else
            {
                Tools.Stop(agent);
            }
        }

        return results;
    }

    private static void While(Action first, Action second) => Task.WaitAll(Task.Run(first), Task.Run(second));

    /// <summary>Blocks of commands for slot 0, until the end or the agent's.</summary>
    private static void WriteHints(Tools tools, long end)
    {
        var block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(1, 800).Select(hint => string.Create(CultureInfo.InvariantCulture, $"0 {hint % 10}\n"))));
        using var fifo = new FileStream(tools["m"] + "/control", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        try
        {
            while (Stopwatch.GetTimestamp() < end)
            {
                fifo.Write(block);
            }
        }
        catch (IOException)
        {
            // Killed: nobody reads any more.
        }
    }

    private static void GiveAndTake(Tools tools, long end)
    {
        var seconds = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), end).TotalSeconds;
        tools.Measure("load", "--flows", "1", tools["m"] + "/agent.sock", "1", seconds.ToString("0.000", CultureInfo.InvariantCulture), "pair");
    }

    private static void StopAndGo(Process agent, long end)
    {
        while (Stopwatch.GetTimestamp() < end)
        {
            Pause();
            Signal(agent, Stop);
            Pause();
            Signal(agent, Continue);
        }
    }

    private static void KillAt(Process agent, long began, long end)
    {
        Thread.Sleep(Stopwatch.GetElapsedTime(began, end) / 2);
        Signal(agent, Kill);
        agent.WaitForExit();
    }

    private static void Pause() => Thread.Sleep(TimeSpan.FromMilliseconds(1 + (4 * Random.Shared.NextDouble())));

    private static void Signal(Process process, int number)
    {
        if (SendSignal(process.Id, number) != 0)
        {
            throw new InvalidOperationException($"signal {number}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private static void Row(Run run, string name, List<JsonElement> results)
    {
        IEnumerable<double> Of(string figure) => results.Select(result => result.GetProperty(figure).GetDouble());
        var stillOdd = Of("still_odd").Sum();
        Report.Row(run, name, $"{Report.Median(Of("per_second")) / 1e6:0.0}", $"{Of("worst_us").Max():0.0}", Of("most_tries").Max(), Of("retried").Sum(),
            Of("changes").Sum() + (stillOdd > 0 ? $"; {stillOdd} readers never got through" : ""));
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int number);
}
