using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// The agent is killed at random instants while processes register, move, deregister, read and die; each agent that follows has to know all that
/// was acknowledged. MPIB_CHAOS_SECONDS makes it longer, MPIB_CHAOS_SEED takes the schedule of a run that failed.
/// </summary>
public sealed class ChaosTests(SystemdMachine machine, ITestOutputHelper output)
{
    private const int ShortKills = 80;
    private static readonly TimeSpan ShortLimit = TimeSpan.FromSeconds(45);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whenever_the_agent_is_killed_what_it_acknowledged_is_there_and_what_it_released_is_not(bool socketsAreHeld)
    {
        var seed = Number("MPIB_CHAOS_SEED") ?? Random.Shared.Next();
        output.WriteLine($"MPIB_CHAOS_SEED={seed}");
        var seconds = Number("MPIB_CHAOS_SECONDS");
        var watch = Stopwatch.StartNew();
        await using var rig = await ChaosRig.StartAsync(machine, socketsAreHeld, seed);
        var run = new ChaosRun(rig, seed);
        try
        {
            while (seconds is null ? run.Kills < ShortKills && watch.Elapsed < ShortLimit : watch.Elapsed < TimeSpan.FromSeconds(seconds.Value))
            {
                await run.RoundAsync();
            }

            await rig.CheckEndAsync();
        }
        catch
        {
            output.WriteLine(rig.Agent.LogTail);
            throw;
        }
        finally
        {
            output.WriteLine($"{run.Kills} kills and {run.Stops} stops of the agent in {watch.Elapsed.TotalSeconds:0.0} s, {run.Deaths} deaths of clients; "
                + $"{rig.Connections.Operations} requests, {rig.Connections.Doubts} in doubt; {run.Commands} commands; {rig.Reads} reads");
        }
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
