using System.Globalization;
using System.Runtime.InteropServices;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Slots;

namespace MpibAgent.Status;

/// <summary>
/// Puts the <see cref="StatusSnapshot"/> together. Remembers of each slot what the last one said, and so when it changed: nothing is kept or counted
/// when a registration or a hint comes. Owned by <see cref="StatusFile"/>, on the loop's thread.
/// </summary>
internal sealed partial class StatusPicture(AgentPaths paths, HintOptions hints, HintRegion region, SlotTable table, PolicyEngine policy)
{
    private readonly Seen[] _seen = new Seen[HintLayout.SlotCount];
    private readonly ulong _pidNamespace = ReadPidNamespace();
    private double _startedAt;

    /// <summary>How the agent started: fresh, restarted, recovered or taken-over.</summary>
    public string StartReason { get; private set; } = "";

    /// <summary>Called once, when all else has started.</summary>
    public void Begin(bool predecessorEnded)
    {
        _startedAt = BootTime();
        StartReason = table.Start switch
        {
            TableStart.TakenOver => "taken-over",
            TableStart.Restored when predecessorEnded => "recovered",
            TableStart.Restored => "restarted",
            _ => "fresh",
        };
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            _seen[slot] = Look(slot);
        }
    }

    /// <summary>The state as it is.</summary>
    public StatusSnapshot Take()
    {
        var now = BootTime();
        return new StatusSnapshot
        {
            WrittenAt = now,
            Agent = new AgentState(Environment.ProcessId, _pidNamespace, SettingsReader.Version, _startedAt, StartReason),
            Policy = new PolicyState(policy.PolicyName, policy.Reason, double.IsNaN(policy.MeanShare) ? null : Math.Round(policy.MeanShare, 4)),
            Hints = new HintState(hints.Encoding.Name(), table.InitialHint, table.IsInitialPinned, region.SumOfSeq()),
            Paths = paths,
            Rails = [Describe(policy.Rails.Sout, policy.Seen?.Sout, policy.Rails.IsSoutFrozen), Describe(policy.Rails.Sup, policy.Seen?.Sup, policy.Rails.IsSupFrozen)],
            Slots = Slots(now),
        };
    }

    private List<SlotState> Slots(double now)
    {
        var processes = new List<ProcessState>?[HintLayout.SlotCount];
        foreach (var (process, slot, connections) in table.Holdings)
        {
            (processes[slot] ??= []).Add(new ProcessState(process.Pid, process.Uid, connections));
        }

        var slots = new List<SlotState>();
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            var seen = Look(slot);
            var changedAt = seen.Equals(_seen[slot] with { ChangedAt = null }) ? _seen[slot].ChangedAt : now;
            _seen[slot] = seen with { ChangedAt = changedAt };

            var hasFlow = table.TryGetFlow(slot, out var flow);
            var hint = table.HintOf(slot);
            if (!hasFlow && (seen.Source == HintSource.Initial || (table.IsInitialPinned && hint == table.InitialHint)))
            {
                continue;
            }

            var holders = processes[slot] ?? [];
            holders.Sort((one, other) => one.Pid.CompareTo(other.Pid));
            var more = Math.Max(0, holders.Count - StatusSnapshot.MostProcesses);
            slots.Add(new SlotState(slot, hasFlow ? flow.Source.ToString() : null, hasFlow ? flow.Destination.ToString() : null, hint, NameOf(seen.Source),
                seen.Connections, changedAt, more == 0 ? holders : holders[..StatusSnapshot.MostProcesses], more,
                !hasFlow ? 0 : table.IsShared(slot) ? table.SharingFlows : 1));
        }

        return slots;
    }

    // Every store of the region moves seq.
    private Seen Look(int slot) => new(region.Read(slot).Seq, table.ConnectionsOf(slot), table.SourceOf(slot), null);

    private RailState Describe(Rail rail, RailSample? seen, bool isFrozen)
    {
        if (!rail.IsConfigured || seen is not { } sample)
        {
            return new RailState(rail.Label, rail.Device, null, null, 0, rail.IsConfigured ? "" : "not named in [Rails]");
        }

        var kind = !rail.IsPresent ? null
            : RailName.Parse(rail.Device) is { } name && Directory.Exists($"{paths.SysRoot}/class/infiniband/{name.Device}") ? "rdma" : "interface";
        return new RailState(rail.Label, rail.Device, kind, sample.IsUp, sample.LinkRate,
            !rail.IsPresent ? "the device is not there" : !sample.IsUp ? "the link is down" : isFrozen ? "its counter stands still" : "");
    }

    private static string NameOf(HintSource source) => source == HintSource.Adopted ? "earlier-agent" : source.Name();

    private static ulong ReadPidNamespace()
    {
        try
        {
            // pid:[4026531836]
            var target = File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name ?? "";
            return target.StartsWith("pid:[", StringComparison.Ordinal)
                && ulong.TryParse(target.AsSpan(5).TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var inode) ? inode : 0;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static double BootTime()
    {
        Span<long> time = stackalloc long[2];
        _ = GetTime(SinceBoot, time);
        return Math.Round(time[0] + (time[1] / 1e9), 3);
    }

    private readonly record struct Seen(uint Seq, int Connections, HintSource Source, double? ChangedAt);

    private const int SinceBoot = 7;

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, Span<long> time);
}
