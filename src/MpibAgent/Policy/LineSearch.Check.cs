namespace MpibAgent.Policy;

/// <content>
/// When it doubts a trial: whether the rates at the held share are still what they were before it. Where traffic or the network changes every few
/// samples, what a trial shows is often the next change.
/// </content>
internal sealed partial class LineSearch
{
    /// <summary>Seconds between two events: when the last one was less ago, the verdict of the next is checked.</summary>
    private const double Restless = 0.7;

    /// <summary>What the trial would lead to, while the held share is looked at again.</summary>
    private Verdict? _doubted;

    private void Accept(in Verdict verdict)
    {
        if (_isEvent && _stepsTaken == 0 && _lastEvent - _eventBefore < Restless)
        {
            _doubted = verdict;
            _settling = 1;
        }
        else
        {
            Take(verdict);
        }
    }

    private void Check(in Rates x, in Verdict verdict)
    {
        if (_step >= BigStep && _grid.IsFine && _held is > 0 and < 1 && _trialAge < LongestDrain
            && GoesByHeld(verdict.Before) && !GoesByHeld(x))
        {
            // What was posted under the trial's split is still under way.
            return;
        }

        // A change as large as the smallest step would pass for one, but for none that has won several times as much.
        if (Gain(x, verdict.Before) > Math.Max(Math.Max(SmallestStep, 3 * _noise), PartOfGain * Gain(verdict.After, verdict.Before)))
        {
            Hold(_held, x);
            return;
        }

        _doubted = null;
        Take(verdict);
    }

    private void Take(in Verdict verdict)
    {
        if (verdict.IsWhole)
        {
            GoOn(verdict.After);
        }
        else
        {
            TakeInside(verdict.After, verdict.Before, verdict.Part);
        }
    }

    /// <summary>A trial that was for the better.</summary>
    /// <param name="Before">The rates at the held share.</param>
    /// <param name="After">At the trial's.</param>
    /// <param name="Part">Which part of the step.</param>
    /// <param name="IsWhole">All of it, so that the optimum is further on.</param>
    private readonly record struct Verdict(Rates Before, Rates After, double Part, bool IsWhole);
}
