using System.CommandLine;
using System.Globalization;
using MpibAgent;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>mpibctl unset: gives slots that were pinned back to the policy; looked for in the agent's snapshot, since the region does not name who set a hint.</summary>
public static class UnsetCommand
{
    // A snapshot comes once a second, or less often with a hundred thousand connections.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>A snapshot can be large, and comes once a second at most.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Its place on the command line.</summary>
    public static Command Create(Option<string?> agent)
    {
        var target = new Argument<string>("SLOT|SRC,DST|all") { Description = "a slot, a flow such as 10.0.0.1,10.0.0.2, or every slot and those to come" };
        var command = new Command("unset", "Gives what was set by hand back to the policy; without one, the initial hint returns.") { target };
        command.SetAction(parsed => Run(parsed.GetValue(agent), parsed.GetValue(target)!));
        return command;
    }

    private static int Run(string? path, string targetText)
    {
        if (Target.Parse(targetText, out var reason) is not { } target)
        {
            Terminal.Complain(reason);
            return ExitCode.Usage;
        }

        using var pipe = ControlPipe.Open(path, out var exitCode);
        if (pipe is null)
        {
            return exitCode;
        }

        int? slot = null;
        if (!target.IsAll && (slot = pipe.SlotOf(target)) is null)
        {
            return ExitCode.Bad;
        }

        // A snapshot that was written before the command says nothing about it.
        var sent = BootClock.Now();
        if (!pipe.Send(target.IsAll ? "all auto" : string.Create(CultureInfo.InvariantCulture, $"{slot} auto")))
        {
            return ExitCode.Bad;
        }

        StatusSnapshot? now = null;
        var isDone = ControlPipe.Await(() => AgentView.Find(path) is { State: Liveness.Alive, Snapshot: { } snapshot } && (now = snapshot).WrittenAt >= Math.Round(sent, 3)
            && !(slot is null ? snapshot.Hints.InitialPinned || snapshot.Slots.Any(IsPinned) : snapshot.Slots.Any(state => state.Slot == slot && IsPinned(state))), Patience, Interval);
        var what = slot is null ? "all slots" : string.Create(CultureInfo.InvariantCulture, $"slot {slot}");
        if (!isDone || now is null)
        {
            Terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"expected {what} to be given back within {Patience.TotalSeconds} s, ")
                + "found no word of it in the agent's status; an agent that stands still carries it out when it goes on; see: mpibctl check, journalctl -u mpib-agent MPIB_EVENT=command-refused -n 3");
            return ExitCode.Bad;
        }

        var hint = slot is { } one ? pipe.Region.Read(one)?.SupBw : now.Hints.Initial;
        var given = $"{what}: given back to policy {Text.Safe(now.Policy.Name)}; ";
        Terminal.Write([new Line(given + string.Create(CultureInfo.InvariantCulture,
            $"{(slot is null ? "the initial hint is" : "hint")} {hint}, {Text.Percent(pipe.Encoding.Share(hint ?? 0))} on SUP"))]);
        return ExitCode.Good;
    }

    private static bool IsPinned(SlotState slot) => slot.SetBy == "operator";
}
