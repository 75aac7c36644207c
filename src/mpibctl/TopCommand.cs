using System.CommandLine;
using System.Globalization;

namespace MpibCtl;

/// <summary>mpibctl top: what moves, live: bytes, errors and pauses of each rail with their last minute, and the share of each slot.</summary>
public static class TopCommand
{
    /// <summary>Its place on the command line.</summary>
    public static Command Create(Option<string?> agent)
    {
        var interval = new Option<double>("--interval", "-i") { HelpName = "SECONDS", Description = "how often, 0.1 to 60 (1)", DefaultValueFactory = _ => 1 };
        interval.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !(double.TryParse(token.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0.1 and <= 60))
            {
                result.AddError($"--interval: expected 0.1 to 60 seconds, got '{Text.Safe(token.Value)}'");
            }
        });
        var count = new Option<int?>("--count", "-n") { HelpName = "N", Description = "end after so many screens" }.Within(1);
        var command = new Command("top", "The rails and the shares, live. q ends it, the arrows move it; without a terminal it prints plain text.") { interval, count };
        command.SetAction(parsed => Run(parsed.GetValue(agent), TimeSpan.FromSeconds(parsed.GetValue(interval)), parsed.GetValue(count)));
        return command;
    }

    private static int Run(string? path, TimeSpan interval, int? count)
    {
        var lookout = new Lookout(path);
        var rails = new[] { new RailHistory(), new RailHistory() };
        StatusReport? report = null;
        var lastSample = 0L;
        Screen.Run((columns, rows, scroll) =>
        {
            var view = lookout.Find();
            report = StatusReport.Make(view);

            // A key or a new size draws anew, and is no sample.
            var now = TimeProvider.System.GetTimestamp();
            if (lastSample == 0 || TimeProvider.System.GetElapsedTime(lastSample, now) > interval * 0.8)
            {
                for (var i = 0; i < rails.Length && i < (view.Snapshot?.Rails.Count ?? 0); i++)
                {
                    rails[i].Add(RailReading.Read(view.Snapshot!.Paths.SysRoot, view.Snapshot.Rails[i]), now);
                }

                lastSample = now;
            }

            return Draw(report, rails, interval, columns, rows, scroll, Terminal.IsUnicode);
        }, interval, count);
        return report?.ExitCode ?? ExitCode.Good;
    }

    /// <summary>A screen of so many columns and rows.</summary>
    public static IReadOnlyList<Line> Draw(StatusReport report, IReadOnlyList<RailHistory> rails, TimeSpan interval, int columns, int rows, Scroll scroll, bool unicode)
    {
        var lines = new List<Line>(Views.Agent(report with { Rails = [] }));
        for (var i = 0; i < rails.Count && i < report.Rails.Count; i++)
        {
            lines.AddRange(Rail(report.Rails[i], rails[i], interval, Math.Min(columns, 200), unicode));
        }

        lines.Add(new Line());
        var slots = scroll.Cut([.. Views.Slots(report.Slots, columns, unicode, withProcesses: columns >= 120).Skip(1)], Math.Max(2, rows - lines.Count - 2));
        lines.AddRange(Views.Slots(report.Slots, columns, unicode, withProcesses: columns >= 120).Take(1));
        lines.AddRange(slots);
        if (rows < int.MaxValue)
        {
            lines.Add(new Line("q", Line.Strong).Add(" quit  ", Line.Faint).Add("arrows", Line.Strong).Add(" move", Line.Faint));
        }

        return [.. lines.Take(rows).Select(line => line.Cut(columns, unicode))];
    }

    private static IEnumerable<Line> Rail(RailReport rail, RailHistory history, TimeSpan interval, int columns, bool unicode)
    {
        yield return Views.Rail(rail);
        if (rail.Device.Length == 0)
        {
            yield break;
        }

        var capacity = rail.Gbps is { } rate ? rate * 1e9 / 8 : 0;
        var faults = new Line("  errors ").Add(PerSecond(history.Errors), history.Errors > 0 ? Line.Bad : Line.Plain).Add("  waits ").Add(PerSecond(history.Pauses), history.Pauses > 0 ? Line.Odd : Line.Plain);
        var curveColumns = Math.Clamp(columns - 42, 8, RailHistory.Length);
        yield return Curve("  sent     ", history.Sent, capacity, curveColumns, unicode);
        yield return Curve("  received ", history.Received, capacity, curveColumns, unicode);
        yield return faults.Add(string.Create(CultureInfo.InvariantCulture, $"  last {Text.Duration(Math.Min(curveColumns, RailHistory.Length) * interval.TotalSeconds)}"), Line.Faint);
    }

    private static Line Curve(string title, IReadOnlyList<double> rates, double capacity, int columns, bool unicode)
    {
        var now = rates.Count > 0 ? rates[^1] : double.NaN;
        var top = capacity > 0 ? capacity : rates.Where(rate => !double.IsNaN(rate)).DefaultIfEmpty(0).Max();
        return new Line(title, Line.Faint).Add((double.IsNaN(now) ? "-" : Text.Rate(now)).PadLeft(9))
            .Add(double.IsNaN(now) || capacity <= 0 ? "        " : $" {Text.Percent(now / capacity),6} ")
            .Add(" ").Add(Text.Spark(rates, top, columns, unicode), Line.Picture).TrimEnd();
    }

    private static string PerSecond(double rate) => double.IsNaN(rate) ? "-" : rate.ToString("0.#", CultureInfo.InvariantCulture) + "/s";
}
