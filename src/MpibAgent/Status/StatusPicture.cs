using System.Runtime.InteropServices;
using System.Text.Json;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Slots;

namespace MpibAgent.Status;

/// <summary>
/// Writes what a <see cref="StatusSnapshot"/> is read from, as it stands, without one in between: to have it made and serialized takes a tenth of the
/// agent's start. Remembers of each slot what the last one said, and so when it changed: nothing is kept or counted when a registration or a hint
/// comes. Owned by <see cref="StatusFile"/>, on the loop's thread.
/// </summary>
internal sealed class StatusPicture(AgentPaths paths, HintOptions hints, HintRegion region, SlotTable table, PolicyEngine policy)
{
    private readonly Seen[] _seen = new Seen[HintLayout.SlotCount];
    private readonly ulong _pidNamespace = PidNamespace.Read();
    private double _startedAt;

    /// <summary>How the agent started: fresh, restarted, recovered or taken-over.</summary>
    public string StartReason { get; private set; } = "";

    /// <summary>Called once, when all else has started.</summary>
    public void Begin(bool predecessorEnded)
    {
        _startedAt = Now();
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

    /// <summary>Writes the state as it is.</summary>
    public void Write(Utf8JsonWriter json)
    {
        var now = Now();
        json.WriteStartObject();
        json.WriteNumber("version"u8, StatusSnapshot.CurrentVersion);
        json.WriteNumber("writtenAt"u8, now);

        json.WriteStartObject("agent"u8);
        json.WriteNumber("pid"u8, Environment.ProcessId);
        json.WriteNumber("pidNamespace"u8, _pidNamespace);
        json.WriteString("version"u8, ProgramLine.Version);
        json.WriteNumber("startedAt"u8, _startedAt);
        json.WriteString("start"u8, StartReason);
        json.WriteEndObject();

        json.WriteStartObject("policy"u8);
        json.WriteString("name"u8, policy.PolicyName);
        json.WriteString("reason"u8, policy.Reason);
        WriteNumber(json, "meanShare"u8, double.IsNaN(policy.MeanShare) ? null : Math.Round(policy.MeanShare, 4));
        json.WriteEndObject();

        json.WriteStartObject("hints"u8);
        json.WriteString("encoding"u8, hints.Encoding.Name());
        json.WriteNumber("initial"u8, table.InitialHint);
        json.WriteBoolean("initialPinned"u8, table.IsInitialPinned);
        json.WriteNumber("seq"u8, region.SumOfSeq());
        json.WriteEndObject();

        json.WriteStartObject("paths"u8);
        json.WriteString("region"u8, paths.Region);
        json.WriteString("socket"u8, paths.Socket);
        json.WriteString("control"u8, paths.Control);
        json.WriteString("sysRoot"u8, paths.SysRoot);
        json.WriteEndObject();

        json.WriteStartArray("rails"u8);
        WriteRail(json, policy.Rails.Sout, policy.Seen?.Sample.Sout, policy.Seen?.Sout);
        WriteRail(json, policy.Rails.Sup, policy.Seen?.Sample.Sup, policy.Seen?.Sup);
        json.WriteEndArray();

        json.WriteStartArray("slots"u8);
        WriteSlots(json, now);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteSlots(Utf8JsonWriter json, double now)
    {
        // Made anew each time: with tens of thousands of processes it is no small thing to keep.
        var holders = new List<Holder>(table.FlowCount);
        foreach (var (process, slot, connections) in table.Holdings)
        {
            holders.Add(new Holder(slot, process.Pid, process.Uid, connections));
        }

        holders.Sort((one, other) => one.Slot != other.Slot ? one.Slot.CompareTo(other.Slot) : one.Pid.CompareTo(other.Pid));
        var next = 0;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            var first = next;
            while (next < holders.Count && holders[next].Slot == slot)
            {
                next++;
            }

            var seen = Look(slot);
            var changedAt = seen.Equals(_seen[slot] with { ChangedAt = null }) ? _seen[slot].ChangedAt : now;
            _seen[slot] = seen with { ChangedAt = changedAt };

            var hasFlow = table.TryGetFlow(slot, out var flow);
            var hint = table.HintOf(slot);
            if (!hasFlow && (seen.Source == HintSource.Initial || (table.IsInitialPinned && hint == table.InitialHint)))
            {
                continue;
            }

            json.WriteStartObject();
            json.WriteNumber("slot"u8, slot);
            json.WriteString("source"u8, hasFlow ? flow.Source.ToString() : null);
            json.WriteString("destination"u8, hasFlow ? flow.Destination.ToString() : null);
            json.WriteNumber("hint"u8, hint);
            json.WriteString("setBy"u8, NameOf(seen.Source));
            json.WriteNumber("connections"u8, seen.Connections);
            WriteNumber(json, "changedAt"u8, changedAt);
            json.WriteStartArray("processes"u8);
            var listed = Math.Min(next - first, StatusSnapshot.MostProcesses);
            foreach (var holder in CollectionsMarshal.AsSpan(holders).Slice(first, listed))
            {
                json.WriteStartObject();
                json.WriteNumber("pid"u8, holder.Pid);
                json.WriteNumber("uid"u8, holder.Uid);
                json.WriteNumber("connections"u8, holder.Connections);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("moreProcesses"u8, next - first - listed);
            json.WriteNumber("flows"u8, !hasFlow ? 0 : table.IsShared(slot) ? table.SharingFlows : 1);
            json.WriteEndObject();
        }
    }

    // Every store of the region moves seq.
    private Seen Look(int slot) => new(region.Read(slot).Seq, table.ConnectionsOf(slot), table.SourceOf(slot), null);

    private static void WriteRail(Utf8JsonWriter json, Rail rail, RailSample? seen, DeviceSeen? device)
    {
        var sample = rail.IsConfigured ? seen : null;
        var reason = !rail.IsConfigured ? "not named in [Rails]" : sample is null ? "" : device switch
        {
            { IsStuck: true } => RailState.NoAnswer,
            { IsPresent: false } => "the device is not there",
            _ when !sample.Value.IsUp => "the link is down",
            { IsTxMissing: true } => RailState.NoCounter,
            { IsFrozen: true } => "its counter stands still",
            _ => "",
        };

        json.WriteStartObject();
        json.WriteString("rail"u8, rail.Label);
        json.WriteString("device"u8, rail.Device);
        json.WriteString("kind"u8, sample is null ? null : device?.Kind);
        WriteBoolean(json, "up"u8, sample?.IsUp);
        json.WriteNumber("linkRate"u8, sample?.LinkRate ?? 0);
        json.WriteString("reason"u8, reason);
        json.WriteEndObject();
    }

    private static void WriteBoolean(Utf8JsonWriter json, ReadOnlySpan<byte> name, bool? value)
    {
        if (value is { } isTrue)
        {
            json.WriteBoolean(name, isTrue);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, ReadOnlySpan<byte> name, double? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static string NameOf(HintSource source) => source == HintSource.Adopted ? "earlier-agent" : source.Name();

    private static double Now() => Math.Round(BootClock.Now(), 3);

    /// <summary>A process that has connections in a slot.</summary>
    private readonly record struct Holder(int Slot, int Pid, uint Uid, int Connections);

    private readonly record struct Seen(uint Seq, int Connections, HintSource Source, double? ChangedAt);
}
