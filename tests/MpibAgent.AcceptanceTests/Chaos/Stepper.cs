using System.Globalization;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>Holds the agent's loop (stepper.c), to let it make so many stores and kill it then.</summary>
internal sealed class Stepper : IAsyncDisposable
{
    private readonly LineProcess _process;
    private readonly KeptAgent _agent;

    private Stepper(LineProcess process, KeptAgent agent) => (_process, _agent) = (process, agent);

    /// <summary>The agent runs only as long as this object lives.</summary>
    public static async Task<Stepper> HoldAsync(ChaosRig rig, int stores)
    {
        var process = new LineProcess(await CProgram.Stepper.PathAsync(), rig.Agent.Pid.ToString(CultureInfo.InvariantCulture),
            rig.Files.Hints, rig.Files.State, stores.ToString(CultureInfo.InvariantCulture));
        Assert.Equal("stepping", await process.HearAsync());
        return new Stepper(process, rig.Agent);
    }

    /// <summary>Waits for the agent's death, or causes it. False when it died before it had made its stores.</summary>
    public async Task<bool> EndAsync(bool kill)
    {
        if (kill)
        {
            await _agent.SignalAsync(Signals.Kill);
        }

        var last = await _process.HearAsync("the stores");
        Assert.Equal("signal 9", await _agent.EndAsync());
        return last!.StartsWith("killed", StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
