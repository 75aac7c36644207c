using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using MpibAgent;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>
/// What `mpibctl status` says, and prints with --json (doc/mpibctl.md): the agent's snapshot, with hints as the region has them now, the rails as the
/// devices say, and what /proc tells the caller of the processes.
/// </summary>
public sealed record StatusReport
{
    /// <summary>The version of --json; it rises when a field goes or changes its meaning.</summary>
    public const int CurrentVersion = 1;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary><see cref="CurrentVersion"/>.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>serving, degraded or not-running.</summary>
    public required string Health { get; init; }

    /// <summary>What is wrong, a line each.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>What the caller may not see, or cannot from here.</summary>
    public required IReadOnlyList<string> NotSeen { get; init; }

    /// <summary>The agent, or the one that has ended; null when nothing is known of any.</summary>
    public AgentReport? Agent { get; init; }

    /// <summary>SOUT, then SUP.</summary>
    public required IReadOnlyList<RailReport> Rails { get; init; }

    /// <summary>The slots that have a flow, or a hint set for one to come.</summary>
    public required IReadOnlyList<SlotReport> Slots { get; init; }

    /// <summary>The exit code that goes with it.</summary>
    [JsonIgnore]
    public int ExitCode => Health switch
    {
        "serving" => MpibCtl.ExitCode.Good,
        "degraded" => MpibCtl.ExitCode.Bad,
        _ => MpibCtl.ExitCode.NotRunning,
    };

    /// <summary>Looks at everything there is to see.</summary>
    public static StatusReport Make(AgentView view)
    {
        var problems = new List<string>();
        var notSeen = new List<string>();
        if (view.Problem.Length > 0)
        {
            problems.Add(view.Problem);
        }

        if (view.Snapshot is not { } snapshot)
        {
            return new StatusReport { Health = view.Lives ? "degraded" : "not-running", Problems = problems, NotSeen = notSeen, Rails = [], Slots = [] };
        }

        var now = BootClock.Now();
        _ = HintText.TryParseEncoding(snapshot.Hints.Encoding, out var encoding);
        var rails = snapshot.Rails.Select(rail => Describe(rail, snapshot.Paths.SysRoot)).ToList();
        problems.AddRange(rails.Where(rail => rail.Problem.Length > 0 && rail.Device.Length > 0 && (rail.Problem != RailState.NoCounter || snapshot.Policy.Name == "adaptive"))
            .Select(rail => $"{rail.Rail} rail {rail.Device}: {rail.Problem}"));

        using var region = LiveRegion.Open(snapshot.Paths.Region, out var why);
        if (region is null)
        {
            problems.Add(why);
        }

        var slots = Join(snapshot, region, encoding, now, problems);
        NameProcesses(slots, snapshot.Agent, notSeen);
        if (view.State == Liveness.Alive && WhyNoAnswer(snapshot.Paths.Socket, notSeen) is { } silence)
        {
            problems.Add(silence);
        }

        var (agent, policy, hints) = (snapshot.Agent, snapshot.Policy, snapshot.Hints);
        return new StatusReport
        {
            Health = !view.Lives ? "not-running" : problems.Count > 0 ? "degraded" : "serving",
            Problems = problems,
            NotSeen = notSeen,
            Agent = new AgentReport(agent.Pid, Text.Safe(agent.Version), Math.Max(0, Math.Round(now - agent.StartedAt, 1)), Text.Safe(agent.Start), Text.Safe(policy.Name),
                Text.Safe(policy.Reason), policy.MeanShare is { } share ? Math.Round(share * 100, 2) : null, hints.Encoding, hints.Initial,
                Percent(encoding, hints.Initial), hints.InitialPinned, Text.Safe(snapshot.Paths.Region), Text.Safe(snapshot.Paths.Socket),
                Text.Safe(snapshot.Paths.Control)),
            Rails = rails,
            Slots = slots,
        };
    }

    /// <summary>Why the agent does not answer at its socket; null when it does. Says nothing to it, so nothing is logged there.</summary>
    public static string? WhyNoAnswer(string path, List<string> notSeen)
    {
        // connect() says the same of much, and of some of it what .NET has no words for.
        if (FileStatus.Of(path) is not { } found ? Marshal.GetLastPInvokeError() is NoSuchFile or NotADirectory : found.Type != UnixFileType.Socket)
        {
            return $"{Text.Safe(path)}: there is no socket; run: systemctl restart mpib-agent.socket mpib-agent";
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            // The second is connect()'s as well, which waits where a stopped agent's queue is full.
            ReceiveTimeout = (int)Patience.TotalMilliseconds,
            SendTimeout = (int)Patience.TotalMilliseconds,
        };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            socket.Shutdown(SocketShutdown.Send);
            return socket.Receive(new byte[1]) == 0 ? null : $"{path}: expected silence, got bytes; whoever listens there is not the agent";
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.AccessDenied)
        {
            notSeen.Add($"whether the socket answers: {path} is not open to you");
            return null;
        }
        catch (SocketException fault)
        {
            return fault.SocketErrorCode switch
            {
                SocketError.WouldBlock or SocketError.TimedOut =>
                    string.Create(CultureInfo.InvariantCulture, $"{path}: no answer within {Patience.TotalSeconds} s; run: systemctl restart mpib-agent"),
                SocketError.ConnectionRefused => $"{path}: nobody listens; run: systemctl restart mpib-agent.socket mpib-agent",
                _ => $"{path}: {fault.Message}; run: systemctl restart mpib-agent.socket mpib-agent",
            };
        }
        catch (ArgumentException fault)
        {
            return $"{Text.Safe(path)}: {fault.Message}";
        }
    }

    private static double Percent(HintEncoding encoding, uint hint) => Math.Round(encoding.Share(hint) * 100, 2);

    private static RailReport Describe(RailState rail, string sysRoot)
    {
        var (name, device) = (Text.Safe(rail.Rail), Text.Safe(rail.Device));
        if (rail.Device.Length == 0)
        {
            return new RailReport(name, "", null, null, null, "not named in [Rails]");
        }

        var here = RailReading.Read(sysRoot, rail);
        var up = rail.Up ?? (here.Kind is null ? false : here.IsUp);
        var rate = rail.LinkRate > 0 ? rail.LinkRate : here.LinkRate;
        var problem = rail.Reason.Length > 0 ? Text.Safe(rail.Reason)
            : rail.Up is not null || up == true ? ""
            : here.Kind is null ? "there is no such device; mend [Rails], or load its driver"
            : here.IsUp is null ? "" : "the link is down";
        return new RailReport(name, device, rail.Kind is { } kind ? Text.Safe(kind) : here.Kind, up, rate > 0 ? rate * 8 / 1e9 : null, problem);
    }

    /// <summary>The slots of the snapshot with the hints of the region, and those that have come since.</summary>
    private static List<SlotReport> Join(StatusSnapshot snapshot, LiveRegion? region, HintEncoding encoding, double now, List<string> problems)
    {
        var known = new SlotState?[HintLayout.SlotCount];
        foreach (var slot in snapshot.Slots)
        {
            known[slot.Slot] = slot;
        }

        var slots = new List<SlotReport>();
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            var entry = region?.Read(slot);
            if (region is not null && entry is null)
            {
                problems.Add(string.Create(CultureInfo.InvariantCulture, $"slot {slot}: a writer died in it, and its readers wait; run: systemctl restart mpib-agent"));
            }

            var live = entry is { } found && (!found.Source.IsAny || !found.Destination.IsAny) ? found : default(HintEntry?);
            if (known[slot] is { } state)
            {
                var hint = entry?.SupBw ?? state.Hint;
                var isSame = entry is null || (live is null ? state.Source is null or "0.0.0.0" : state.Source == live.Value.Source.ToString() && state.Destination == live.Value.Destination.ToString());

                // A policy sets hints faster than snapshots come; anybody else's hint that has changed was set by somebody not known yet.
                var isKnown = isSame && (hint == state.Hint || state.SetBy == "policy");
                slots.Add(new SlotReport(slot, isSame ? Safe(state.Source) : live?.Source.ToString(), isSame ? Safe(state.Destination) : live?.Destination.ToString(), hint,
                    Percent(encoding, hint), isKnown ? Text.Safe(state.SetBy) : null, isSame ? state.Connections : null,
                    isSame && state.ChangedAt is { } at ? Math.Max(0, Math.Round(now - at, 1)) : null,
                    isSame ? [.. state.Processes.Take(StatusSnapshot.MostProcesses).Select(process => new ProcessReport(process.Pid, process.Uid, null, null, process.Connections))] : [],
                    isSame ? state.MoreProcesses : 0, isSame ? state.Flows : live is null ? 0 : 1));
            }
            else if (live is { } come)
            {
                slots.Add(new SlotReport(slot, come.Source.ToString(), come.Destination.ToString(), come.SupBw, Percent(encoding, come.SupBw), null, null, null, [], 0, 1));
            }
        }

        return slots;
    }

    private static string? Safe(string? text) => text is null ? null : Text.Safe(text);

    private static void NameProcesses(List<SlotReport> slots, AgentState agent, List<string> notSeen)
    {
        // In another namespace the pids are other processes.
        var isSameNamespace = agent.PidNamespace == 0 || agent.PidNamespace == PidNamespace.Read();
        var commands = new Dictionary<(int, uint), string?>();
        for (var i = 0; i < slots.Count; i++)
        {
            slots[i] = slots[i] with
            {
                Processes = [.. slots[i].Processes.Select(process =>
                {
                    if (!commands.TryGetValue((process.Pid, process.Uid), out var command) && isSameNamespace)
                    {
                        commands[(process.Pid, process.Uid)] = command = ProcessDetails.CommandOf(process.Pid, process.Uid);
                    }

                    return process with { User = Users.NameOf(process.Uid), Command = command };
                })],
            };
        }

        if (!isSameNamespace)
        {
            notSeen.Add("what the processes are: the agent is in another pid namespace, and its pids mean nothing here");
        }
        else if (commands.Count(command => command.Value is null) is var hidden and > 0)
        {
            notSeen.Add(string.Create(CultureInfo.InvariantCulture,
                $"the command names of {hidden} of {commands.Count} processes: they have just ended, or /proc hides them from you (sudo shows all)"));
        }
    }

    private const int NoSuchFile = 2;
    private const int NotADirectory = 20;
}
