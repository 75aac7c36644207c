using System.Globalization;
using System.Text.Json;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>
/// The agent's status file, as found: what it says, and whether the agent that wrote it lives (doc/interface.md). Nothing in it is trusted beyond the
/// user whose file it is.
/// </summary>
/// <param name="Path">Where.</param>
/// <param name="State">Whether its agent lives.</param>
/// <param name="Snapshot">What it says; null without a file that can be used.</param>
/// <param name="Problem">What is wrong and what to do; empty for one that lives, unless <see cref="Lookout"/> finds its snapshot behind.</param>
public sealed record AgentView(string Path, Liveness State, StatusSnapshot? Snapshot, string Problem)
{
    /// <summary>Whether an agent lives that wrote it, also where it cannot be used, as that of a newer one.</summary>
    public bool Lives { get; private init; } = State == Liveness.Alive;

    private const string WhatToRun = "run: systemctl start mpib-agent";
    private const double LargestNumber = 1e18;

    /// <summary>The one at <paramref name="path"/>; without a path the first that lives of the service's, this user's own, and one beside the region.</summary>
    public static AgentView Find(string? path)
    {
        if (path is not null)
        {
            var named = Read(System.IO.Path.GetFullPath(path));
            return named.State != Liveness.Absent || System.IO.Path.GetFileName(path) == StatusSnapshot.FileName ? named
                : named with { Problem = $"there is no {named.Path}; expected the status file of an agent, which is {StatusSnapshot.FileName} beside its control FIFO" };
        }

        var views = Candidates().Select(Read).ToList();
        return views.Find(view => view.State == Liveness.Alive) ?? views.Find(view => view.State != Liveness.Absent) ?? views[0];
    }

    /// <summary>Reads the file at a path.</summary>
    public static AgentView Read(string path)
    {
        var state = LiveFile.Read(path, StatusSnapshot.LargestSize, out var bytes, out var problem);
        if (state is Liveness.Absent or Liveness.Unreadable)
        {
            return new AgentView(path, state, null, state == Liveness.Absent ? $"the agent is not running: there is no {path}; {WhatToRun}" : problem);
        }

        return Parse(bytes.Span, out problem) is not { } snapshot
            ? new AgentView(path, Liveness.Unreadable, null, $"{path}: {problem}") { Lives = state == Liveness.Alive }
            : new AgentView(path, state, snapshot, state == Liveness.Alive ? "" : string.Create(CultureInfo.InvariantCulture,
                $"the agent is not running: pid {snapshot.Agent.Pid} ended without a stop, and jobs go on with the hints they have; {WhatToRun}"));
    }

    /// <summary>Reads what a file says; null, and why, when it is no snapshot.</summary>
    public static StatusSnapshot? Parse(ReadOnlySpan<byte> bytes, out string problem)
    {
        problem = "";
        try
        {
            var reader = new Utf8JsonReader(bytes);
            using (var document = JsonDocument.ParseValue(ref reader))
            {
                if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("version", out var found)
                    && found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out var version) && version > StatusSnapshot.CurrentVersion)
                {
                    problem = string.Create(CultureInfo.InvariantCulture,
                        $"expected version {StatusSnapshot.CurrentVersion}, found {version}: the agent is newer; install the mpibctl that came with it");
                    return null;
                }
            }

            if (JsonSerializer.Deserialize(bytes, StatusJson.Default.StatusSnapshot) is { } snapshot && HintText.TryParseEncoding(snapshot.Hints.Encoding, out _)
                && IsWhatAgentsWrite(snapshot) && snapshot.Slots.All(slot => slot is { Slot: >= 0 and < HintLayout.SlotCount } && slot.Processes.All(process => process is not null)) && snapshot.Rails.All(rail => rail is not null))
            {
                return snapshot;
            }

            problem = "expected a snapshot of the agent, found other values in it";
        }
        catch (JsonException fault)
        {
            problem = $"expected a snapshot of the agent, found no such JSON ({Text.Safe(fault.Message)})";
        }

        return null;
    }

    /// <summary>Paths that can be shown, and can be found from any directory; numbers of which sums and products are numbers.</summary>
    private static bool IsWhatAgentsWrite(StatusSnapshot snapshot) =>
        new[] { snapshot.Paths.Region, snapshot.Paths.Socket, snapshot.Paths.Control }.All(path => System.IO.Path.GetFileName(path).Length > 0)
        && new[] { snapshot.Paths.Region, snapshot.Paths.Socket, snapshot.Paths.Control, snapshot.Paths.SysRoot }
            .All(path => System.IO.Path.IsPathRooted(path) && !path.Any(char.IsControl))
        && snapshot.Policy.MeanShare is null or (>= 0 and <= 1)
        && Math.Abs(snapshot.WrittenAt) < LargestNumber && Math.Abs(snapshot.Agent.StartedAt) < LargestNumber
        && snapshot.Rails.All(rail => rail is { LinkRate: >= 0 and < LargestNumber });

    private static IEnumerable<string> Candidates()
    {
        yield return $"/run/mpib/{StatusSnapshot.FileName}";
        if (Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && System.IO.Path.IsPathRooted(runtime))
        {
            yield return System.IO.Path.Combine(runtime, "mpib", StatusSnapshot.FileName);
        }

        yield return System.IO.Path.Combine(System.IO.Path.GetDirectoryName(HintLayout.DefaultPath)!, StatusSnapshot.FileName);
    }
}
