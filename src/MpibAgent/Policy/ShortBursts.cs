namespace MpibAgent.Policy;

/// <summary>
/// Where bursts are hardly longer than a sample, most samples hold the end of one or the beginning of the next and say more of the pause than of the rails: a
/// trial judged by two of them is judged by chance. So only such samples count then as a burst fills: two in a row that are alike, or else the fullest of 70 ms.
/// </summary>
internal sealed class ShortBursts
{
    /// <summary>How much the sum of the rates differs from sample to sample, as a part of the larger one and a mean over some twenty: above the one they are short, below the other no more.</summary>
    private const double Short = 0.15, Long = 0.1, Gain = 0.05;

    /// <summary>Only samples whose ln(SUP / SOUT) is as near as this to the split's: what a rail does that waits for another, or that others share, is no burst.</summary>
    private const double Proportion = 0.25;

    /// <summary>Samples that differ by no more than this part are alike, and no less full than the fullest.</summary>
    private const double Alike = 0.1;

    /// <summary>Seconds of traffic of which the fullest sample is taken: shorter bursts do not fill two in a row. Where samples are long, they are taken as they are.</summary>
    private const double LongestWait = 0.07;

    /// <summary>Seconds without traffic that end it: what is left may be the trickle past a rail that carries next to nothing (<see cref="Trickle"/>).</summary>
    private const double Over = 2;

    private double _unevenness, _seconds, _pause, _share;
    private Rates? _last, _fullest;

    /// <summary>Whether samples are left out.</summary>
    public bool IsOn { get; private set; }

    /// <summary>The sample to go by, with all the traffic's seconds that it stands for; null as long as there is none.</summary>
    /// <param name="x">The next sample.</param>
    /// <param name="isTraffic">Whether it counts as traffic.</param>
    /// <param name="share">The share in force.</param>
    public Rates? Take(in Rates x, bool isTraffic, double share)
    {
        var last = _last;
        _last = isTraffic ? x : null;
        if (isTraffic && last is { } before)
        {
            var jump = GoesBy(share, x) && GoesBy(share, before) ? Math.Abs(x.Sum - before.Sum) / Math.Max(x.Sum, before.Sum) : 0;
            _unevenness += Gain * (jump - _unevenness);
        }

        _pause = isTraffic ? 0 : _pause + x.Seconds;
        _unevenness = _pause > Over ? 0 : _unevenness;
        IsOn = _unevenness > (IsOn ? Long : Short);
        if (!IsOn || share != _share)
        {
            _share = share;
            StartAnew();
        }

        if (!IsOn)
        {
            return x;
        }

        if (!isTraffic)
        {
            return null;
        }

        // With the first after a change of the share the one before is of another split.
        var neighbour = _fullest is null ? null : last;
        var fullest = _fullest is { } most && most.Sum >= x.Sum ? most : x;
        _fullest = fullest;
        _seconds += x.Seconds;
        var seconds = _seconds;
        if (neighbour is { } other && Math.Abs(x.Sum - other.Sum) < Alike * other.Sum && x.Sum > (1 - Alike) * fullest.Sum)
        {
            StartAnew();
            return new Rates(seconds, (x.Sout + other.Sout) / 2, (x.Sup + other.Sup) / 2);
        }

        if (seconds < LongestWait)
        {
            return null;
        }

        StartAnew();
        return fullest with { Seconds = seconds };
    }

    private static bool GoesBy(double share, in Rates x) => Math.Abs(x.Off(share)) < Proportion;

    private void StartAnew() => (_seconds, _fullest) = (0, null);
}
