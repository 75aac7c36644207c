using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>mpibctl events: what happened, a line each, out of the journal's structured fields.</summary>
public static class EventsCommand
{
    // Fields are cut at 64 KiB by the agent; an entry beyond this is no entry of ours.
    private const int LongestEntry = 1 << 20;

    private static readonly string[] ForAllSlots = ["all-hints-set", "all-unpinned", "split-moved", "policy-in-charge"];

    /// <summary>Its place on the command line.</summary>
    public static Command Create()
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "go on with what comes; Ctrl-C ends it" };
        var count = new Option<int>("--lines", "-n") { HelpName = "N", Description = "the last so many (20)", DefaultValueFactory = _ => 20 }.Within(0);
        var slot = new Option<int?>("--slot") { HelpName = "SLOT", Description = "of one slot, and what was done to all" }.Within(0, HintLayout.SlotCount - 1);
        var name = new Option<string?>("--event") { HelpName = "NAME", Description = "of one kind, such as hint-set (all: /usr/lib/systemd/catalog/mpib-agent.catalog)" };
        var warnings = new Option<bool>("--warnings") { Description = "what an operator should look at" };
        var unit = new Option<string>("--unit") { HelpName = "UNIT", Description = "of another unit (mpib-agent.service)", DefaultValueFactory = _ => "mpib-agent.service" };
        var command = new Command("events", "What happened, from the journal.") { follow, count, slot, name, warnings, unit };
        command.SetAction(parsed => Run(Arguments(parsed.GetValue(follow), parsed.GetValue(count), parsed.GetValue(slot), parsed.GetValue(name), parsed.GetValue(warnings),
            parsed.GetValue(unit)!), isAskedForSome: parsed.GetValue(count) > 0));
        return command;
    }

    private static string[] Arguments(bool follows, int count, int? slot, string? name, bool warnings, string unit) =>
    [
        "--output=json", "--no-pager", "--all", $"--unit={unit}", string.Create(CultureInfo.InvariantCulture, $"--lines={count}"),
        .. follows ? ["--follow"] : Array.Empty<string>(),
        .. warnings ? ["--priority=warning"] : Array.Empty<string>(),
        .. slot is { } number && !ForAllSlots.Contains(name) ? [string.Create(CultureInfo.InvariantCulture, $"MPIB_SLOT={number}")] : Array.Empty<string>(),
        .. name is not null ? [$"MPIB_EVENT={name}"] : Array.Empty<string>(),

        // What was done to all slots was done to this one, too. journalctl takes "+" for "or".
        .. slot is not null && name is null ? ["+", .. ForAllSlots.Select(all => $"MPIB_EVENT={all}")] : Array.Empty<string>(),
    ];

    private static int Run(string[] arguments, bool isAskedForSome)
    {
        Process journal;
        try
        {
            journal = Process.Start(new ProcessStartInfo("journalctl", arguments) { RedirectStandardOutput = true })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Terminal.Complain("there is no journalctl here; an agent in the foreground writes to its terminal");
            return ExitCode.Bad;
        }

        using (journal)
        {
            // Ctrl-C reaches both, kill(1) this one alone; it ends when the other has.
            using var interrupt = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT, context =>
            {
                context.Cancel = true;
                End(journal);
            });
            using var output = journal.StandardOutput.BaseStream;
            EndWithTheReader(journal);
            var count = 0;
            foreach (var entry in Entries(output))
            {
                count++;
                Terminal.Write([Describe(entry)]);
            }

            journal.WaitForExit();
            if (count == 0 && isAskedForSome && journal.ExitCode == 0)
            {
                Terminal.Complain("the journal has no such entries, or you may not read it (sudo, or group systemd-journal)");
            }

            // Ended by Ctrl-C, or by us, is well.
            return journal.ExitCode is 0 or 130 or > 128 ? ExitCode.Good : ExitCode.Bad;
        }
    }

    /// <summary>Ends the journal's program, and with it its entries, when nobody reads ours any more: the next one may be long in coming.</summary>
    private static void EndWithTheReader(Process journal)
    {
        var watch = new Thread(() =>
        {
            Terminal.WaitForNoReader();
            End(journal);
        });
        watch.IsBackground = true;
        watch.Start();
    }

    private static void End(Process journal)
    {
        try
        {
            journal.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended, and we with it.
        }
    }

    /// <summary>One entry as a line: time, event, text.</summary>
    public static Line Describe(ReadOnlyMemory<byte> entry)
    {
        try
        {
            using var document = JsonDocument.Parse(entry);
            var fields = document.RootElement;
            var time = long.TryParse(Field(fields, "__REALTIME_TIMESTAMP"), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds)
                && microseconds is > 0 and < 253_402_300_799_000_000
                ? DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds).ToLocalTime().ToString("MMM dd HH:mm:ss.fff", CultureInfo.InvariantCulture) : "?";
            var style = Field(fields, "PRIORITY") switch
            {
                "0" or "1" or "2" or "3" => Line.Bad,
                "4" => Line.Odd,
                _ => Line.Plain,
            };
            return new Line(time + "  ", Line.Faint).Add($"{Text.Safe(Field(fields, "MPIB_EVENT") ?? "-"),-18}  ", style).Add(Text.Safe(Field(fields, "MESSAGE") ?? "", limit: 2000), style);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return new Line($"(an entry that is no JSON: {Text.Safe(fault.Message)})", Line.Odd);
        }
    }

    // Text that is not printable comes as an array of bytes; of a field that is there twice, all values come.
    private static string? Field(JsonElement fields, string name)
    {
        if (fields.ValueKind != JsonValueKind.Object || !fields.TryGetProperty(name, out var value))
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0 && value[0].ValueKind != JsonValueKind.Number)
        {
            value = value[0];
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Array => Encoding.UTF8.GetString([.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetByte(out var one) ? one : (byte)'?')]),
            _ => null,
        };
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Entries(Stream output)
    {
        var buffer = new byte[8192];
        var length = 0;
        while (output.Read(buffer, length, buffer.Length - length) is var count and > 0)
        {
            length += count;
            var begin = 0;
            while (Array.IndexOf(buffer, (byte)'\n', begin, length - begin) is var end and >= 0)
            {
                yield return buffer.AsMemory(begin, end - begin);
                begin = end + 1;
            }

            Array.Copy(buffer, begin, buffer, 0, length - begin);
            length -= begin;
            if (length == buffer.Length)
            {
                if (length >= LongestEntry)
                {
                    // Its rest comes as entries that are no JSON, and says so.
                    length = 0;
                }
                else
                {
                    Array.Resize(ref buffer, buffer.Length * 2);
                }
            }
        }
    }
}
