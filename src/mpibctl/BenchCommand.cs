using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>
/// mpibctl bench: how long the running agent takes to register and to deregister, as the plugin asks: connect, request, reply, close. On flows of the
/// documentation's networks, which no job has.
/// </summary>
public static class BenchCommand
{
    private const int WarmUp = 20;

    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(200);

    // 192.0.2.0/24 and 198.51.100.0/24 (RFC 5737).
    private static readonly Ipv4Address Source = Ipv4Address.Parse("192.0.2.1");

    /// <summary>Its place on the command line.</summary>
    public static Command Create(Option<string?> agent)
    {
        var rounds = new Option<int>("--rounds", "-n") { HelpName = "N", Description = "registrations, 1 to 1000000 (1000)", DefaultValueFactory = _ => 1000 }.Within(1, 1_000_000);
        var newFlows = new Option<bool>("--new-flows") { Description = "a new flow each time, which takes and frees a slot: a policy that steers is disturbed" };
        var command = new Command("bench", "Times registrations at the running agent, on a throw-away flow. Each is two lines in its journal, with --new-flows four.") { rounds, newFlows };
        command.SetAction(parsed => Run(parsed.GetValue(agent), parsed.GetValue(rounds), parsed.GetValue(newFlows)));
        return command;
    }

    private static int Run(string? path, int rounds, bool takesNewFlows)
    {
        var view = AgentView.Find(path);
        if (view is not { State: Liveness.Alive, Snapshot: { } snapshot })
        {
            Terminal.Complain(view.Problem);
            return view.Lives ? ExitCode.Bad : ExitCode.NotRunning;
        }

        if (SetForJobToCome(snapshot, takesNewFlows ? 2 : 1) is { } set)
        {
            Terminal.Complain(string.Create(CultureInfo.InvariantCulture,
                $"slot {set} would be taken, and lose the hint that was set for a job to come; bench when that job has begun, or run: mpibctl unset {set}"));
            return ExitCode.Bad;
        }

        using var interrupted = new CancellationTokenSource();
        using var interrupt = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT, context =>
        {
            // What is registered is given up in order.
            context.Cancel = true;
            interrupted.Cancel();
        });
        var (registered, given) = (new List<double>(rounds), new List<double>(rounds));
        var began = TimeProvider.System.GetTimestamp();
        string place;
        try
        {
            var measuring = Task.Run(() => Measure(snapshot, rounds, takesNewFlows, registered, given, interrupted.Token), CancellationToken.None);
            if (!HasEnded(measuring, interrupted.Token))
            {
                Terminal.Complain($"{Text.Safe(snapshot.Paths.Socket)}: no answer, not waited for any longer; what was registered goes with this process; see: mpibctl check");
                return ExitCode.Bad;
            }

            place = measuring.GetAwaiter().GetResult();
        }
        catch (Exception fault) when (fault is SocketException or IOException or InvalidOperationException or ArgumentException)
        {
            Terminal.Complain($"{Text.Safe(snapshot.Paths.Socket)}: {fault.Message}; see: mpibctl check");
            return ExitCode.Bad;
        }

        var took = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        Terminal.Write(
        [
            new Line(string.Create(CultureInfo.InvariantCulture, $"{registered.Count} rounds in {took:0.00} s at {snapshot.Paths.Socket}, {place}; microseconds:")),
            new Line("              p50      p90      p99    p99.9      max", Line.Faint),
            Row("register  ", registered),
            Row("deregister", given),
        ]);
        return ExitCode.Good;
    }

    /// <summary>Of the slots that come next, so many, one that has a hint of its own already, which ends with the first flow; null when none has.</summary>
    private static int? SetForJobToCome(StatusSnapshot snapshot, int count)
    {
        var next = Enumerable.Range(0, HintLayout.SlotCount).Except(snapshot.Slots.Where(state => state.Source is not null).Select(state => state.Slot)).Take(count);
        return next.Select(slot => (int?)slot).FirstOrDefault(slot => snapshot.Slots.Any(state => state.Slot == slot));
    }

    /// <summary>Fills in the microseconds of each round until it is interrupted, and says where they were.</summary>
    private static string Measure(StatusSnapshot snapshot, int rounds, bool takesNewFlows, List<double> registered, List<double> given, CancellationToken interrupted)
    {
        // One connection holds the flow, so that the others come and go without a slot being given and freed.
        var held = Register(snapshot, 0, Flow(0));
        for (uint i = 1; i <= rounds + WarmUp && !interrupted.IsCancellationRequested; i++)
        {
            var flow = takesNewFlows ? Flow(i) : Flow(0);
            var start = TimeProvider.System.GetTimestamp();
            Register(snapshot, i, flow);
            var middle = TimeProvider.System.GetTimestamp();
            Deregister(snapshot, i);
            if (i > WarmUp)
            {
                registered.Add(TimeProvider.System.GetElapsedTime(start, middle).TotalMicroseconds);
                given.Add(TimeProvider.System.GetElapsedTime(middle).TotalMicroseconds);
            }
        }

        Deregister(snapshot, 0);
        return takesNewFlows ? "a new flow each" : string.Create(CultureInfo.InvariantCulture, $"one flow, slot {held}");
    }

    /// <summary>Waits for its end; once interrupted, for no longer than an agent that answers at all takes.</summary>
    private static bool HasEnded(Task measuring, CancellationToken interrupted)
    {
        try
        {
            Task.WaitAny([measuring], interrupted);
        }
        catch (OperationCanceledException)
        {
            Task.WaitAny([measuring], (int)Grace.TotalMilliseconds, CancellationToken.None);
        }

        return measuring.IsCompleted;
    }

    /// <summary>The value that so many percent are not above; of none, 0.</summary>
    public static double Percentile(IReadOnlyList<double> sorted, double percent) =>
        sorted.Count == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(percent / 100 * sorted.Count) - 1, 0, sorted.Count - 1)];

    private static Line Row(string title, List<double> times)
    {
        times.Sort();
        return new Line(title).Add(string.Concat(new[] { 50, 90, 99, 99.9, 100 }.Select(percent =>
            Percentile(times, percent).ToString("0", CultureInfo.InvariantCulture).PadLeft(percent == 50 ? 7 : 9))));
    }

    private static Ipv4Address Flow(uint number) => new(Ipv4Address.Parse("198.51.100.0").Raw | ((number % 256) << 24));

    private static uint Register(StatusSnapshot snapshot, uint number, Ipv4Address destination)
    {
        using var client = new AgentClient(snapshot.Paths.Socket);
        var response = client.Register(Name(number), Source, destination);
        return response.Status == ResponseStatus.Success ? response.HintSlot
            : throw new InvalidOperationException($"expected a slot, got status {response.Status}; why: journalctl -u mpib-agent MPIB_EVENT=register-refused -n 1");
    }

    private static void Deregister(StatusSnapshot snapshot, uint number)
    {
        using var client = new AgentClient(snapshot.Paths.Socket);
        client.Deregister(Name(number));
    }

    // As the plugin names its connections; 0 is the one that holds the flow.
    private static uint Name(uint number) => ((uint)Environment.ProcessId << 16) | (number == 0 ? 0 : 1 + ((number - 1) % 0xFFFF));
}
