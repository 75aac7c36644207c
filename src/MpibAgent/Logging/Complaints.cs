using Microsoft.Extensions.Logging;

namespace MpibAgent.Logging;

/// <summary>
/// Bounds what one component says about bad input: some lines in an interval, and at its end how many were left out. On the loop's thread; with
/// nothing left out it has no timer armed.
/// </summary>
internal sealed class Complaints
{
    private readonly FloodGate _gate;
    private readonly LoopTimer _timer;

    /// <param name="loop">Gives the clock and the timer.</param>
    /// <param name="log">Where it is said how many lines were left out.</param>
    public Complaints(EventLoop loop, ILogger log)
    {
        _gate = new FloodGate(loop.Time);
        _timer = loop.CreateTimer(() => Log.ComplaintsLeftOut(log, _gate.TakeSuppressed()));
    }

    /// <summary>Whether the next line may be written.</summary>
    public bool Admit()
    {
        if (_gate.Admit())
        {
            return true;
        }

        // Also where it is armed, for an interval that is over: the loop is late with it.
        _timer.ArmAt(_gate.IntervalEnd);
        return false;
    }
}
