using System.Globalization;
using MpibAgent.Interface;
using Spectre.Console;

namespace MpibCtl;

/// <summary>The parts of the screen that several commands show, as lines of at most so many columns. Pure.</summary>
public static class Views
{
    private const int BarColumns = 10;
    private const int LeastProcessColumns = 30;

    private static readonly string SharedAddress = HintLayout.SharedAddress.ToString();

    /// <summary>The agent: what it is, what its policy does, what is wrong.</summary>
    public static IEnumerable<Line> Agent(StatusReport report)
    {
        var (health, style) = report.Health switch
        {
            "serving" => ("serving", Line.Good),
            "degraded" => ("serving, degraded", Line.Odd),
            _ => ("not running", Line.Bad),
        };
        if (report.Agent is not { } agent)
        {
            yield return new Line("mpib-agent ", Line.Strong).Add(health, style);
        }
        else
        {
            yield return new Line($"mpib-agent {agent.Version} ", Line.Strong).Add(health, style).Add(report.Health == "not-running"
                ? string.Create(CultureInfo.InvariantCulture, $", was pid {agent.Pid}")
                : string.Create(CultureInfo.InvariantCulture, $", pid {agent.Pid}, up {Text.Duration(agent.UptimeSeconds)} ({Start(agent.Start)})"));
            yield return new Line("policy  ", Line.Faint).Add(agent.Policy).Add(agent.Reason.Length > 0 ? $": {agent.Reason}" : "")
                .Add(agent.MeanSharePercent is { } mean ? string.Create(CultureInfo.InvariantCulture, $", {mean:0.0}% on SUP") : "");
            yield return new Line("hints   ", Line.Faint).Add(string.Create(CultureInfo.InvariantCulture,
                $"encoding {agent.Encoding}, initial hint {agent.InitialHint} ({agent.InitialSharePercent:0.0}% on SUP){(agent.InitialPinned ? ", set for all" : "")}"));
        }

        foreach (var rail in report.Rails)
        {
            yield return Rail(rail);
        }

        foreach (var problem in report.Problems)
        {
            yield return new Line("! ", Line.Bad).Add(problem, Line.Bad);
        }
    }

    /// <summary>A rail: its device, its link.</summary>
    public static Line Rail(RailReport rail)
    {
        var line = new Line($"{rail.Rail,-8}", Line.Faint);
        if (rail.Device.Length == 0)
        {
            return line.Add(rail.Problem, Line.Faint);
        }

        line.Add(rail.Device).Add(", ").Add(rail.Up switch
        {
            true => "up",
            false => "down",
            _ => "state unknown",
        }, rail.Up == false ? Line.Bad : rail.Up == true ? Line.Good : Line.Odd);
        if (rail.Kind is { } kind)
        {
            line.Add($", {kind}");
        }

        if (rail.Gbps is { } rate)
        {
            line.Add(string.Create(CultureInfo.InvariantCulture, $", {rate:0.###} Gb/s"));
        }

        // Under most policies that is no problem of the agent's.
        return rail.Problem == RailState.NoCounter ? line.Add($", {rail.Problem}", Line.Odd) : line;
    }

    /// <summary>
    /// The table of slots. Narrow, it leaves out the bar and what else matters least, and the processes go to lines of their own, or are left out.
    /// </summary>
    public static IEnumerable<Line> Slots(IReadOnlyList<SlotReport> slots, int columns, bool unicode, bool withProcesses)
    {
        if (slots.Count == 0)
        {
            yield return new Line("no slot is in use", Line.Faint);
            yield break;
        }

        Column[] all =
        [
            new("SLOT", true, 0, slot => slot.Slot.ToString(CultureInfo.InvariantCulture), Line.Strong),
            new("FLOW", false, 0, FlowOf, null),
            new("HINT", true, 0, slot => slot.Hint.ToString(CultureInfo.InvariantCulture), null),
            new("SUP", true, 0, slot => slot.SharePercent.ToString("0.0", CultureInfo.InvariantCulture) + "%", null),
            new("", false, 4, slot => Text.Bar(slot.SharePercent / 100, BarColumns, unicode), Line.Picture),
            new("SET BY", false, 1, slot => slot.SetBy ?? "?", null),
            new("CONN", true, 2, slot => slot.Connections?.ToString(CultureInfo.InvariantCulture) ?? "?", null),
            new("AGE", true, 3, slot => slot.AgeSeconds is { } age ? Text.Duration(age) : "-", Line.Faint),
        ];
        var shown = all.Select(column => (Column: column, Width: slots.Max(slot => column.Of(slot).Length))).ToList();
        for (var i = 0; i < shown.Count; i++)
        {
            shown[i] = shown[i] with { Width = Math.Max(shown[i].Width, shown[i].Column.Title.Length) };
        }

        int Total() => shown.Sum(column => column.Width + 2) - 2;
        while (Total() > columns && shown.Any(column => column.Column.Rank > 0))
        {
            shown.Remove(shown.MaxBy(column => column.Column.Rank));
        }

        var left = columns - Total() - 2;
        var isWide = withProcesses && left >= LeastProcessColumns;
        var title = new Line();
        foreach (var (column, width) in shown)
        {
            title.Add((column.IsNumber ? column.Title.PadLeft(width) : column.Title.PadRight(width)) + "  ", Line.Faint);
        }

        yield return (isWide ? title.Add("PROCESSES", Line.Faint) : title.TrimEnd()).Cut(columns, unicode);
        foreach (var slot in slots)
        {
            var line = new Line();
            foreach (var (column, width) in shown)
            {
                var text = column.Of(slot);
                line.Add(column.IsNumber ? text.PadLeft(width) : text.PadRight(width),
                    column.Title == "SET BY" && text == "operator" ? Line.Odd : column.Style).Add("  ");
            }

            var processes = withProcesses ? Processes(slot) : "";
            yield return (isWide ? line.Add(Text.Cut(processes, left, unicode)) : line).TrimEnd().Cut(columns, unicode);
            if (!isWide && processes.Length > 0)
            {
                yield return new Line("      ").Add(processes, Line.Faint).Cut(columns, unicode);
            }
        }
    }

    private static string FlowOf(SlotReport slot) => slot.Source is null ? "(none yet)"
        : slot.Source == SharedAddress && slot.Destination == SharedAddress ? slot.Flows > 1 ? string.Create(CultureInfo.InvariantCulture, $"{slot.Flows} flows share it") : "shared"
        : $"{slot.Source} > {slot.Destination}";

    private static string Processes(SlotReport slot)
    {
        var named = slot.Processes.Select(process => string.Create(CultureInfo.InvariantCulture, $"{process.Pid} {process.User} {process.Command ?? "?"}"))
            .Concat(slot.MoreProcesses > 0 ? [string.Create(CultureInfo.InvariantCulture, $"and {slot.MoreProcesses} more")] : []);
        return string.Join(", ", named);
    }

    private static string Start(string start) => start switch
    {
        "recovered" => "recovered: the one before ended without a stop",
        "taken-over" => "the state was lost; flows taken over from the region",
        "fresh" => "started fresh",
        _ => start,
    };

    /// <param name="Title">Above it.</param>
    /// <param name="IsNumber">To the right.</param>
    /// <param name="Rank">The highest is the first to be left out; 0 stays.</param>
    /// <param name="Of">Its text for a slot.</param>
    /// <param name="Style">Its look.</param>
    private sealed record Column(string Title, bool IsNumber, int Rank, Func<SlotReport, string> Of, Style? Style);
}
