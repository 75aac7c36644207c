using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>One case under one policy, once.</summary>
internal sealed record Result(Case Case, Steering Steering, Recording Recording);

/// <summary>Runs every chosen case under every chosen policy, side by side on one bed.</summary>
internal sealed class Bench(Settings settings, TextWriter log)
{
    private const int SampleMs = 10;

    // What starting and ending an agent may add to a case.
    private const double SpareSeconds = 60;

    private readonly Hints _hints = new(settings.Encoding);

    /// <summary>What the kernel refuses here, the agent does not have, or the machine lacks, is an exception that says so.</summary>
    public async Task<List<Result>> RunAsync(CancellationToken cancellation)
    {
        var directory = Directory.CreateTempSubdirectory("mpib-r").FullName;
        try
        {
            var policies = Offered();
            var cases = settings.ChosenCases();
            if (policies.Count == 0 || cases.Length == 0)
            {
                throw new InvalidOperationException("nothing to run: the short form has not all cases and policies, nor has every agent all policies");
            }

            using var bed = new Bed(directory, settings.Rounds * policies.Count * cases.Sum(@case => @case.Seconds + SpareSeconds));
            var results = new List<Result>();
            for (var round = 1; round <= settings.Rounds; round++)
            {
                foreach (var @case in cases)
                {
                    foreach (var steering in policies)
                    {
                        var files = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{results.Count}"));
                        var result = new Result(@case, steering, await RunAsync(bed, @case, steering, files, cancellation));
                        results.Add(result);
                        await log.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                            $"{@case.Name} {steering.Name}: {result.Recording.GoodputMbit:0.0} Mbit/s, {result.Recording.OfOptimum:0.0%} of the optimum"));
                    }
                }
            }

            return results;
        }
        finally
        {
            if (settings.KeepsLogs)
            {
                await log.WriteLineAsync($"logs: {directory}");
            }
            else
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    /// <summary>Those of the chosen policies that this agent has.</summary>
    private List<Steering> Offered()
    {
        var help = Programs.Run([.. RunningAgent.Command(settings.Agent), "--help"]);
        var offered = new List<Steering>();
        foreach (var steering in settings.ChosenPolicies())
        {
            if (help.Contains(steering.Policy, StringComparison.Ordinal))
            {
                offered.Add(steering);
            }
            else
            {
                log.WriteLine($"left out: this agent has no policy {steering.Policy}");
            }
        }

        return offered;
    }

    private async Task<Recording> RunAsync(Bed bed, Case @case, Steering steering, string files, CancellationToken cancellation)
    {
        bed.Reset(Case.SoutMbit, @case.SupMbit);
        using var agent = new RunningAgent(bed, settings.Agent, files, steering.Options(settings, _hints, @case));
        var seconds = @case.Seconds.ToString(CultureInfo.InvariantCulture);
        string[] options = ["--seconds", seconds, "--socket", agent.Socket, "--hints", agent.Hints, "--encoding", settings.Encoding,
            "--sample-ms", SampleMs.ToString(CultureInfo.InvariantCulture)];
        if (@case.BurstBytes > 0)
        {
            options = [.. options, "--burst", @case.BurstBytes.ToString(CultureInfo.InvariantCulture),
                "--compute-ms", @case.ComputeMs.ToString(CultureInfo.InvariantCulture)];
        }

        var sender = bed.StartSender(options);
        try
        {
            if (await sender.StandardOutput.ReadLineAsync(cancellation) is null)
            {
                throw new InvalidOperationException("the sender ended before it was connected; the reason is above");
            }

            var epochs = await ChangeAsync(bed, @case, steering, agent, cancellation);
            var samples = Recording.Parse(await sender.StandardOutput.ReadToEndAsync(cancellation));
            await sender.WaitForExitAsync(cancellation);
            return sender.ExitCode == 0 ? new Recording(@case, _hints, samples, epochs)
                : throw new InvalidOperationException($"{@case.Name}: the sender ended with {sender.ExitCode}; the reason is above");
        }
        finally
        {
            Programs.Stop(sender);
        }
    }

    private async Task<Epoch[]> ChangeAsync(Bed bed, Case @case, Steering steering, RunningAgent agent, CancellationToken cancellation)
    {
        var begin = Clock.NowNs;
        var state = new BedState(Case.SoutMbit, @case.SupMbit);
        var epochs = new List<Epoch> { new(begin, state.Rates) };
        foreach (var change in @case.Changes)
        {
            await Clock.UntilAsync(Clock.After(begin, change.AtSeconds), cancellation);
            change.Make(bed);
            change.Apply(state);
            epochs.Add(new Epoch(Clock.NowNs, state.Rates));
            if (steering.KnowsAll)
            {
                agent.Set(_hints.Best(state.Rates));
            }
        }

        return [.. epochs];
    }
}
