using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>What the sender saw at one moment; bytes and busy time since its beginning.</summary>
internal readonly record struct Sample(long Ns, long Done, long Sout, long Sup, uint Hint, long BusyNs, int Outstanding);

/// <summary>What the rails carried from one moment on.</summary>
internal readonly record struct Epoch(long Ns, Rates Rates);

/// <summary>One run of one case: what was sent, beside what could have been.</summary>
internal sealed class Recording(Case @case, Hints hints, Sample[] samples, Epoch[] epochs)
{
    private const double BitsPerByte = 8;
    private const double Mega = 1e6;

    // What a tbf has saved up during a pause of the sender's goes out at once: bed.sh gives it 10 ms.
    private const double BucketSeconds = 0.01;

    private const double BackShare = 0.9;
    private static readonly long Window = Clock.After(0, 0.3);

    private readonly int _first = Array.FindIndex(samples, sample => sample.Ns >= Clock.After(samples[0].Ns, Case.WarmUpSeconds));

    public Case Case => @case;

    public double GoodputMbit => Mbit(samples[^1].Done - samples[_first].Done, Clock.Seconds(samples[^1].Ns - samples[_first].Ns));

    /// <summary>What was sent, of what the rails would have carried in the time in which there was something to send.</summary>
    public double OfOptimum
    {
        get
        {
            var optimum = 0.0;
            for (var i = _first + 1; i < samples.Length; i++)
            {
                optimum += RatesAt(samples[i].Ns).Sum * Clock.Seconds(samples[i].BusyNs - samples[i - 1].BusyNs);
            }

            var done = samples[^1].Done - samples[_first].Done;
            if (@case.BurstBytes > 0)
            {
                optimum += (double)done / @case.BurstBytes * BucketSeconds * epochs[0].Rates.Sum;
            }

            return done * BitsPerByte / Mega / optimum;
        }
    }

    /// <summary>
    /// Per change of the rails: how long until two windows of 300 ms in a row carried 90 % of the new optimum; null when that never came. A
    /// change that is followed too soon by the next, or by the end of the run, is left out, and so are the gaps of a bursty job.
    /// </summary>
    public IEnumerable<(bool IsDown, double? Seconds)> Returns()
    {
        for (var i = 1; i < epochs.Length && @case.BurstBytes == 0; i++)
        {
            var end = Math.Min(i + 1 < epochs.Length ? epochs[i + 1].Ns : long.MaxValue, samples[^1].Ns);
            if (end - epochs[i].Ns >= 2 * Window)
            {
                yield return (epochs[i].Rates.Sum < epochs[i - 1].Rates.Sum, Return(epochs[i], end));
            }
        }
    }

    /// <summary>Seconds since the beginning and a figure, in steps.</summary>
    public IEnumerable<(double Seconds, double Mbit)> Goodput(double step) => Steps(step, (from, to) =>
        Mbit(to.Done - from.Done, Clock.Seconds(to.Ns - from.Ns)));

    public IEnumerable<(double Seconds, double Mbit)> Optimum(double step) => Steps(step, (_, to) => RatesAt(to.Ns).Sum);

    public IEnumerable<(double Seconds, double Share)> Share(double step) => Steps(step, (_, to) => hints.ShareOf(to.Hint));

    /// <summary>The sender's output: lines of `sample`, between `ready` and `total`.</summary>
    public static Sample[] Parse(string output) =>
        [.. output.Split('\n').Select(line => line.Split(' ')).Where(words => words[0] == "sample").Select(words => new Sample(
            Number(words[1]), Number(words[2]), Number(words[3]), Number(words[4]), (uint)Number(words[5]), Number(words[6]), (int)Number(words[7])))];

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);

    private static double Mbit(long bytes, double seconds) => bytes * BitsPerByte / Mega / seconds;

    private Rates RatesAt(long ns) => epochs.Last(epoch => epoch.Ns <= ns || epoch == epochs[0]).Rates;

    private double? Return(Epoch epoch, long end)
    {
        var least = BackShare * epoch.Rates.Sum;
        for (var i = Index(epoch.Ns); samples[i].Ns + (2 * Window) <= end; i++)
        {
            var middle = Index(samples[i].Ns + Window);
            if (MbitBetween(i, middle) >= least && MbitBetween(middle, Index(samples[middle].Ns + Window)) >= least)
            {
                return Clock.Seconds(samples[i].Ns - epoch.Ns);
            }
        }

        return null;
    }

    private double MbitBetween(int from, int to) => Mbit(samples[to].Done - samples[from].Done, Clock.Seconds(samples[to].Ns - samples[from].Ns));

    /// <summary>The first sample at or after a moment, or the last there is.</summary>
    private int Index(long ns)
    {
        var found = Array.BinarySearch(samples, new Sample(ns, 0, 0, 0, 0, 0, 0), ByTime);
        return Math.Min(found < 0 ? ~found : found, samples.Length - 1);
    }

    private static readonly Comparer<Sample> ByTime = Comparer<Sample>.Create((one, other) => one.Ns.CompareTo(other.Ns));

    private IEnumerable<(double, double)> Steps(double step, Func<Sample, Sample, double> figure)
    {
        var begin = samples[0].Ns;
        for (var at = step; at <= @case.Seconds; at += step)
        {
            var (from, to) = (samples[Index(Clock.After(begin, at - step))], samples[Index(Clock.After(begin, at))]);
            if (to.Ns > from.Ns)
            {
                yield return (at - (step / 2), figure(from, to));
            }
        }
    }
}
