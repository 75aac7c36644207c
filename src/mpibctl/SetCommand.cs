using System.CommandLine;
using System.Globalization;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>mpibctl set: a hint by slot, by flow or for all; told to the agent, and looked for in the region.</summary>
public static class SetCommand
{
    /// <summary>Its place on the command line.</summary>
    public static Command Create(Option<string?> agent)
    {
        var target = new Argument<string>("SLOT|SRC,DST|all") { Description = "a slot, a flow such as 10.0.0.1,10.0.0.2, or every slot and those to come" };
        var value = new Argument<string>("HINT|PERCENT%") { Description = "a hint, or a share of SUP such as 66%" };
        var command = new Command("set", "Sets a hint, pins it, and makes sure that the region has it.") { target, value };
        command.SetAction(parsed => Run(parsed.GetValue(agent), parsed.GetValue(target)!, parsed.GetValue(value)!));
        return command;
    }

    private static int Run(string? path, string targetText, string valueText)
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

        if (!HintText.TryParse(valueText, pipe.Encoding, out var hint, out var asked, out reason))
        {
            Terminal.Complain($"{reason}; got '{Text.Safe(valueText)}'");
            return ExitCode.Usage;
        }

        if (target.IsAll)
        {
            return SetAll(pipe, hint, asked);
        }

        return pipe.SlotOf(target) is { } slot ? SetOne(pipe, slot, target, hint, asked) : ExitCode.Bad;
    }

    private static int SetOne(ControlPipe pipe, int slot, Target target, uint hint, double? asked)
    {
        var before = pipe.Region.Read(slot);
        if (!pipe.Send(string.Create(CultureInfo.InvariantCulture, $"{slot} {hint}")))
        {
            return ExitCode.Bad;
        }

        HintEntry? now = null;
        if (!ControlPipe.Await(() => (now = pipe.Region.Read(slot)) is { } entry && entry.SupBw == hint && entry.Seq != before?.Seq))
        {
            Terminal.Complain(Missed($"slot {slot}", hint, now));
            return ExitCode.Bad;
        }

        var flow = now!.Value is { Source.IsAny: true, Destination.IsAny: true } ? "" : now.Value.IsShared ? " (of all flows that share it)" : $" ({now.Value.Source} > {now.Value.Destination})";
        if (target.Source is not null && (now.Value.Source != target.Source || now.Value.Destination != target.Destination))
        {
            Terminal.Complain(string.Create(CultureInfo.InvariantCulture,
                $"slot {slot} was given to another flow{flow} at that moment, and that one has hint {hint} now; run: mpibctl unset {slot}"));
            return ExitCode.Bad;
        }

        Terminal.Write([new Line(string.Create(CultureInfo.InvariantCulture, $"slot {slot}{flow}: {Became(pipe.Encoding, hint, asked)}, pinned"))]);
        return ExitCode.Good;
    }

    private static int SetAll(ControlPipe pipe, uint hint, double? asked)
    {
        var before = Enumerable.Range(0, HintLayout.SlotCount).Select(pipe.Region.Read).ToArray();
        if (!pipe.Send(string.Create(CultureInfo.InvariantCulture, $"all {hint}")))
        {
            return ExitCode.Bad;
        }

        var slot = 0;
        HintEntry? now = null;
        bool IsNext() => (now = pipe.Region.Read(slot)) is { } entry && entry.SupBw == hint && entry.Seq != before[slot]?.Seq;
        if (!ControlPipe.Await(() =>
        {
            while (slot < HintLayout.SlotCount && IsNext())
            {
                slot++;
            }

            return slot == HintLayout.SlotCount;
        }))
        {
            Terminal.Complain(Missed($"slot {slot}", hint, now));
            return ExitCode.Bad;
        }

        Terminal.Write([new Line($"all slots, and those of flows to come: {Became(pipe.Encoding, hint, asked)}, pinned")]);
        return ExitCode.Good;
    }

    private static string Became(HintEncoding encoding, uint hint, double? asked)
    {
        var share = string.Create(CultureInfo.InvariantCulture, $"hint {hint}, {Text.Percent(encoding.Share(hint))} on SUP");
        return asked is { } percent ? string.Create(CultureInfo.InvariantCulture, $"{share} (the nearest to {percent}% in encoding {encoding.Name()})") : share;
    }

    private static string Missed(string what, uint hint, HintEntry? now) => string.Create(CultureInfo.InvariantCulture,
        $"expected {what} to have hint {hint} within {ControlPipe.Patience.TotalSeconds} s, found {(now is { } entry ? $"hint {entry.SupBw}" : "it being written")}; ")
        + "an agent that stands still carries it out when it goes on; see: mpibctl check, journalctl -u mpib-agent MPIB_EVENT=command-refused -n 3";
}
