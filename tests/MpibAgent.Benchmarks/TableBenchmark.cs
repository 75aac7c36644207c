using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MpibAgent.Interface;

namespace MpibAgent.Benchmarks;

/// <summary>Whether the cost of a registration stays flat while the table is full, and what the death of a large process costs.</summary>
internal static class TableBenchmark
{
    private const int Clients = 8;
    private const int Many = 50_000;
    private const int Dying = 10_000;

    // One user may have 240 slots; one is for the process that dies, and the load's own flows are among the others.
    private const int Flows = 239;
    private static readonly Ipv4Address _holders = Ipv4Address.Parse("10.9.0.1");

    /// <summary>Registers connections, says so, and holds them until its input ends: what a child of the benchmark does.</summary>
    public static void Hold(string socket, int connections, int flows)
    {
        // As the load's flows are named, so that both share the slots.
        for (var i = 0; i < connections; i++)
        {
            using var client = new AgentClient(socket);
            var response = flows == 1
                ? client.Register((uint)i, _holders, _holders)
                : client.Register((uint)i, Ipv4Address.Parse($"10.0.0.{i % flows}"), Ipv4Address.Parse($"10.64.0.{i % flows}"));
            if (response.Status != ResponseStatus.Success)
            {
                throw new InvalidOperationException($"connection {i}: {response.Status}");
            }
        }

        Console.WriteLine("held");
        _ = Console.In.ReadToEnd();
    }

    public static void Run(Tools tools, Run run)
    {
        var (empty, full, churn) = (new List<JsonElement>(), new List<JsonElement>(), new List<JsonElement>());
        var (gone, resident) = (new List<double>(), new List<double>());
        for (var round = 0; round < run.Rounds; round++)
        {
            var agent = tools.StartAgent("warning");
            empty.Add(Load(tools, run.Seconds, flows: 16, "register"));
            Tools.Stop(agent);

            agent = tools.StartAgent("warning");
            using (var holder = StartHolder(tools, Many, Flows))
            {
                resident.Add(Tools.Field($"/proc/{agent.Id}/status", "VmRSS") / 1024.0);
                full.Add(Load(tools, run.Seconds, flows: 16, "register"));
                gone.Add(MillisecondsUntilGone(tools));
                End(holder);
            }

            Tools.Stop(agent);

            agent = tools.StartAgent("warning");
            churn.Add(Load(tools, run.Seconds, Flows, "pair"));
            Tools.Stop(agent);
        }

        Report.Section(run, "A full table", [$"{Clients} clients, the agent with `--log-level warning`."],
            "table", "requests per second", "of the empty table", "p99 µs");
        Row(run, "empty, 16 flows", empty, empty);
        Row(run, $"{Many} connections in {Flows} flows", full, empty);
        Row(run, $"{Flows} flows that come and go: register, deregister", churn, empty);
        run.Report.WriteLine();
        Report.Table(run, "what", "figure");
        Report.Row(run, $"resident memory with {Many} connections", $"{Report.Median(resident):0.0} MiB");
        Report.Row(run, $"a process with {Dying} connections, from kill -9 until its slot is free (the kernel's part included)", $"{Report.Median(gone):0.0} ms");
    }

    private static double MillisecondsUntilGone(Tools tools)
    {
        using var dying = StartHolder(tools, Dying, flows: 1);
        using var region = new HintReader(tools["m"] + "/hints");
        var slot = Enumerable.Range(0, HintLayout.SlotCount).Single(slot => region.Read(slot).Source == _holders);
        var watch = Stopwatch.StartNew();
        dying.Kill();
        if (!SpinWait.SpinUntil(() => region.Read(slot).Source != _holders, TimeSpan.FromSeconds(10)))
        {
            throw new InvalidOperationException("the connections of a process that was killed are still there after 10 s");
        }

        return watch.Elapsed.TotalMilliseconds;
    }

    /// <summary>A process that has made so many connections, spread over so many flows, and holds them until <see cref="End"/>.</summary>
    public static Process StartHolder(Tools tools, int connections, int flows)
    {
        var holder = tools.Own(Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "MpibAgent.Benchmarks"),
            ["hold", tools["m"] + "/agent.sock", connections.ToString(CultureInfo.InvariantCulture), flows.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!);
        return holder.StandardOutput.ReadLine() == "held" ? holder : throw new InvalidOperationException("the holder ended early");
    }

    /// <summary>Lets a holder go.</summary>
    public static void End(Process holder)
    {
        holder.StandardInput.Close();
        holder.WaitForExit();
    }

    private static JsonElement Load(Tools tools, int seconds, int flows, string mode) =>
        tools.Measure("load", "--live", (65536 / Clients).ToString(CultureInfo.InvariantCulture), "--flows", flows.ToString(CultureInfo.InvariantCulture),
            tools["m"] + "/agent.sock", Clients.ToString(CultureInfo.InvariantCulture), seconds.ToString(CultureInfo.InvariantCulture), mode);

    private static void Row(Run run, string name, List<JsonElement> results, List<JsonElement> empty)
    {
        double Of(string figure) => Report.Median(results.Select(result => result.GetProperty(figure).GetDouble()));
        var ratio = Report.Median(results.Zip(empty, (result, other) => result.GetProperty("per_second").GetDouble() / other.GetProperty("per_second").GetDouble()));
        Report.Row(run, name, $"{Of("per_second"):0}", $"{ratio:0.00}", $"{Of("p99_us"):0}");
    }
}
