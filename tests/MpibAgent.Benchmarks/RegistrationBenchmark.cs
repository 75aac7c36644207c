using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MpibAgent.Benchmarks;

/// <summary>Connect, register, read the reply, close, as the plugin does: the agent beside a bare C loop of accept, read, write, close.</summary>
internal static class RegistrationBenchmark
{
    private static readonly int[] Clients = [1, 8, 64];

    public static void Run(Tools tools, Run run)
    {
        Report.Section(run, "Registrations",
            [
                "The floor keeps no state, knows no peer and writes no log. \"quiet\" is the agent with `--log-level warning`, \"logging\" with a line",
                "for every registration. CPU is of the server, all its threads.",
            ],
            "clients", "server", "per second", "of the floor", "p50 µs", "p99 µs", "p99 of the floor's", "CPU µs each");
        foreach (var clients in Clients)
        {
            var floors = new List<JsonElement>();
            var quiet = new List<JsonElement>();
            var logging = new List<JsonElement>();
            for (var round = 0; round < run.Rounds; round++)
            {
                floors.Add(Load(tools, tools.StartFloor("floor", tools["floor.sock"]), tools["floor.sock"], clients, run.Seconds));
                quiet.Add(Load(tools, tools.StartAgent("warning"), tools["m"] + "/agent.sock", clients, run.Seconds));
                logging.Add(Load(tools, tools.StartAgent("info"), tools["m"] + "/agent.sock", clients, run.Seconds));
            }

            Row(run, clients, "floor", floors, floors);
            Row(run, clients, "agent, quiet", quiet, floors);
            Row(run, clients, "agent, logging", logging, floors);
        }
    }

    private static JsonElement Load(Tools tools, Process server, string socket, int clients, int seconds)
    {
        // As many different connections as there are names, so that each request in a short run is a new registration.
        var result = tools.Measure("load", "--pid", server.Id.ToString(CultureInfo.InvariantCulture),
            "--live", (65536 / clients).ToString(CultureInfo.InvariantCulture), socket,
            clients.ToString(CultureInfo.InvariantCulture), seconds.ToString(CultureInfo.InvariantCulture));
        Tools.Stop(server);
        return result;
    }

    private static void Row(Run run, int clients, string name, List<JsonElement> results, List<JsonElement> floors)
    {
        double Of(string figure) => Report.Median(results.Select(result => result.GetProperty(figure).GetDouble()));
        double Ratio(string figure) =>
            Report.Median(results.Zip(floors, (result, floor) => result.GetProperty(figure).GetDouble() / floor.GetProperty(figure).GetDouble()));
        Report.Row(run, clients, name, $"{Of("per_second"):0}", $"{Ratio("per_second"):0.00}", $"{Of("p50_us"):0}", $"{Of("p99_us"):0}",
            $"{Ratio("p99_us"):0.00}", $"{Of("server_cpu_us_per_request"):0.0}");
    }
}
