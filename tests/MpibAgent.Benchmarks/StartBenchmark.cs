using System.Globalization;
using System.Text.Json;

namespace MpibAgent.Benchmarks;

/// <summary>From exec to READY=1 on a socket of systemd's kind (ready.c), beside the least that a service can do (ready_floor.c).</summary>
internal static class StartBenchmark
{
    private const int Starts = 20;

    public static void Run(Tools tools, Run run)
    {
        Report.Section(run, "From exec to READY=1",
            [
                $"{Starts} starts each; the floor is a C program that says READY=1 and nothing else. The agent has its settings from a file, where it is",
                "not said otherwise. At its first start it makes its files; with socket units they are passed to it; and after a restart with connections it reads its state first",
                "(scaling.md).",
            ],
            "what", "median ms", "least", "most");
        Row(run, "floor", Measure(tools, [], [tools["ready_floor"]]));

        // Without arguments, as the unit starts it; which file, the environment says.
        File.WriteAllText(tools["start.conf"], $"""
            [Hints]
            Path = {tools["m"]}/hints
            [Registration]
            Path = {tools["m"]}/agent.sock
            [Control]
            Path = {tools["m"]}/control
            [Log]
            Target = console
            Level = warning

            """);
        Environment.SetEnvironmentVariable("MPIB_AGENT_CONFIG", tools["start.conf"]);
        Row(run, "agent", Measure(tools, [], [tools.Agent]));
        Row(run, "agent, sockets passed", Measure(tools, ["--sockets", tools["m"] + "/agent.sock", tools["m"] + "/control"], [tools.Agent]));
        Environment.SetEnvironmentVariable("MPIB_AGENT_CONFIG", null);
        Row(run, "agent, settings on the command line", Measure(tools, [], [tools.Agent, .. tools.AgentOptions("warning", "m")]));
        run.Report.WriteLine();
        run.Report.WriteLine($"The binary: {new FileInfo(tools.Agent).Length / 1048576.0:0.0} MiB.");
    }

    private static JsonElement Measure(Tools tools, string[] sockets, string[] command)
    {
        tools.Clear("m");
        return tools.Measure("ready", [.. sockets, tools["m"] + "/notify", Starts.ToString(CultureInfo.InvariantCulture), .. command]);
    }

    private static void Row(Run run, string name, JsonElement result)
    {
        string Of(string figure) => result.GetProperty(figure).GetDouble().ToString("0.0", CultureInfo.InvariantCulture);
        Report.Row(run, name, Of("median_ms"), Of("least_ms"), Of("most_ms"));
    }
}
