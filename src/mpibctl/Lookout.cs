using System.Globalization;
using MpibAgent;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>
/// Finds the agent, and notices when it lives and its snapshot stays behind, as on a full file system: after every store of the region one is due, and the
/// region says whether there has been any. The agent does nothing for it.
/// </summary>
/// <param name="path">Of its status file; null: where <see cref="AgentView.Find"/> looks.</param>
public sealed class Lookout(string? path)
{
    /// <summary>A younger snapshot may be behind.</summary>
    private static readonly TimeSpan Young = TimeSpan.FromSeconds(StatusSnapshot.MostBehind);

    /// <summary>For the next one, which is due after an older one within 50 ms.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>When the snapshot was written that has been waited for in vain.</summary>
    private double? _stale;

    /// <summary>The agent as it is now. Where its snapshot has stayed behind, that is its problem, told after a wait of 2 s at the first time.</summary>
    public AgentView Find()
    {
        var view = AgentView.Find(path);
        if (IsBehind(view) && view.Snapshot!.WrittenAt != _stale)
        {
            ControlPipe.Await(() => !IsBehind(view = AgentView.Find(path)), Patience, Interval);
        }

        _stale = IsBehind(view) ? view.Snapshot!.WrittenAt : null;
        return _stale is { } since ? view with { Problem = Describe(view, since) } : view;
    }

    /// <summary>Whether the region has changed since the snapshot, so that there will be another one within a second or so.</summary>
    public static bool IsOlderThanRegion(AgentView view)
    {
        if (view is not { State: Liveness.Alive, Snapshot: { Hints.Seq: { } seq } snapshot })
        {
            return false;
        }

        using var region = LiveRegion.Open(snapshot.Paths.Region, out _);
        return region?.SumOfSeq() is { } now && now != seq;
    }

    private static bool IsBehind(AgentView view) =>
        view.Snapshot is { } snapshot && BootClock.Now() - snapshot.WrittenAt >= Young.TotalSeconds && IsOlderThanRegion(view);

    private static string Describe(AgentView view, double since) => string.Create(CultureInfo.InvariantCulture,
        $"{view.Path}: not written for {Text.Duration(BootClock.Now() - since)}, though the region has changed since: its file system is full, or the agent stands still. ")
        + "Hints and flows are as the region has them, the rest is older; "
        + $"run: df {Path.GetDirectoryName(view.Path)}; journalctl -u mpib-agent MPIB_EVENT=status-not-written -n 1";
}
