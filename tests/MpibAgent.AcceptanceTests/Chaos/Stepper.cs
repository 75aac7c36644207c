using System.Globalization;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>Holds the agent's loop (stepper.c), to let it make so many stores and kill it then, or to hold it after each.</summary>
internal sealed class Stepper : IAsyncDisposable
{
    private readonly LineProcess _process;
    private readonly KeptAgent _agent;
    private Task<string?>? _held;

    private Stepper(LineProcess process, KeptAgent agent) => (_process, _agent) = (process, agent);

    /// <summary>The agent runs only as long as this object lives.</summary>
    public static Task<Stepper> HoldAsync(ChaosRig rig, int stores) => HoldAsync(rig, stores.ToString(CultureInfo.InvariantCulture));

    /// <summary>Stops after each store, until told to go on. The agent runs only as long as this object lives.</summary>
    public static Task<Stepper> HoldAfterEachAsync(ChaosRig rig) => HoldAsync(rig, "each");

    /// <summary>Waits until the agent is held after a store; false when <paramref name="change"/> has come to its end instead.</summary>
    public async Task<bool> IsHeldAsync(Task change)
    {
        _held ??= _process.NextAsync().AsTask();
        if (await Task.WhenAny(_held, change) != _held)
        {
            return false;
        }

        Assert.StartsWith("held ", await _held, StringComparison.Ordinal);
        _held = null;
        return true;
    }

    /// <summary>Lets it make its next store.</summary>
    public Task GoOnAsync() => _process.SayAsync("on");

    /// <summary>Kills it where it is held.</summary>
    public async Task KillAsync()
    {
        Assert.StartsWith("killed ", await _process.AskAsync("kill"), StringComparison.Ordinal);
        Assert.Equal("signal 9", await _agent.EndAsync());
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

    private static async Task<Stepper> HoldAsync(ChaosRig rig, string when)
    {
        var process = new LineProcess(await CProgram.Stepper.PathAsync(), rig.Agent.Pid.ToString(CultureInfo.InvariantCulture),
            rig.Files.Hints, rig.Files.State, when);
        Assert.Equal("stepping", await process.HearAsync());
        return new Stepper(process, rig.Agent);
    }
}
