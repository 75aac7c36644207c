namespace MpibAgent.Policy;

/// <summary>
/// What is left of a job's traffic when one rail carries next to nothing: every message waits for that rail, and the other one with it, so that
/// both together send less than counts as traffic. Samples of that are put together until they are long enough to be told from a pause.
/// </summary>
internal sealed class Trickle
{
    /// <summary>Seconds: at a thousandth of its rate a rail takes some milliseconds for a message.</summary>
    public const double Seconds = 0.08;

    /// <summary>Of both line rates together; less is noise.</summary>
    public const double Part = 0.0001;

    /// <summary>ln(SUP / SOUT) of a job's bytes is as near as this to the split's.</summary>
    public const double Proportion = 0.7;

    private double _seconds, _sout, _sup;
    private bool _wasTraffic;

    /// <summary>The sample to go by, or null as long as it is not long enough.</summary>
    /// <param name="x">The next sample.</param>
    /// <param name="isTraffic">Whether it counts as traffic anyway.</param>
    public Rates? Take(in Rates x, bool isTraffic)
    {
        if (isTraffic || _wasTraffic)
        {
            // The first sample of a pause is the end of a burst, and as such does not wait.
            _wasTraffic = isTraffic;
            _seconds = _sout = _sup = 0;
            return x;
        }

        _seconds += x.Seconds;
        _sout += x.Sout * x.Seconds;
        _sup += x.Sup * x.Seconds;
        if (_seconds < Seconds)
        {
            return null;
        }

        var whole = new Rates(_seconds, _sout / _seconds, _sup / _seconds);
        _seconds = _sout = _sup = 0;
        return whole;
    }
}
