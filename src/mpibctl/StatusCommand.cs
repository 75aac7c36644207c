using System.CommandLine;
using System.Text.Json;

namespace MpibCtl;

/// <summary>mpibctl status: what the agent is, does and holds.</summary>
public static class StatusCommand
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    // The agent writes one a second at most, within 50 ms.
    private static readonly TimeSpan SnapshotPause = TimeSpan.FromMilliseconds(1200);

    private static readonly ReportJson Indented = new(new JsonSerializerOptions(ReportJson.Default.Options) { WriteIndented = true });

    /// <summary>Its place on the command line.</summary>
    public static Command Create(Option<string?> agent)
    {
        var json = new Option<bool>("--json") { Description = "as JSON (doc/mpibctl.md); with --watch a line each time" };
        var watch = new Option<bool>("--watch", "-w") { Description = "go on, once a second; q ends it" };
        var command = new Command("status", "What the agent is, does and holds. Exit code: 0 serving, 1 degraded, 3 not running.") { json, watch };
        command.SetAction(parsed => Run(parsed.GetValue(agent), parsed.GetValue(json), parsed.GetValue(watch)));
        return command;
    }

    private static int Run(string? path, bool asJson, bool watches)
    {
        var lookout = new Lookout(path);
        var view = lookout.Find();
        var report = StatusReport.Make(view);
        if (!watches)
        {
            if (view is { State: Liveness.Alive, Problem: "" } && (report.Slots.Any(slot => slot.SetBy is null) || Lookout.IsOlderThanRegion(view)))
            {
                // A flow or a hint that has just come: the agent's next snapshot knows whose it is. Until then it would pass for the policy's.
                using var pause = new ManualResetEventSlim();
                pause.Wait(SnapshotPause);
                report = StatusReport.Make(lookout.Find());
            }

            if (asJson)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(report, Indented.StatusReport));
            }
            else
            {
                Terminal.Write(Draw(report, Terminal.Columns));
            }

            return report.ExitCode;
        }

        Screen.Run((columns, rows, scroll) =>
        {
            report = StatusReport.Make(lookout.Find());
            return asJson ? [new Line(JsonSerializer.Serialize(report, ReportJson.Default.StatusReport))]
                : scroll.Cut([.. Draw(report, columns)], rows);
        }, WatchInterval, count: null, isPlain: asJson);
        return report.ExitCode;
    }

    /// <summary>The whole of it.</summary>
    public static IEnumerable<Line> Draw(StatusReport report, int columns)
    {
        foreach (var line in Views.Agent(report))
        {
            yield return line;
        }

        if (report.Agent is not null)
        {
            yield return new Line();
            foreach (var line in Views.Slots(report.Slots, columns, Terminal.IsUnicode, withProcesses: true))
            {
                yield return line;
            }
        }

        foreach (var line in report.NotSeen)
        {
            yield return new Line($"not seen: {line}", Line.Faint);
        }
    }
}
