namespace MpibAgent.Policy;

/// <summary>
/// How many readings make a sample. While the split stays as it is the two rails' rates keep their proportion, however the job's demand goes up
/// and down; if they do not, a sample holds too few messages to mean anything, and is made longer.
/// </summary>
internal sealed class SampleWidth
{
    // Spread of the log ratio from sample to sample. The search compares steps of 0.06 and more, over two samples and more.
    private const double Rough = 0.06, Smooth = 0.012;

    /// <summary>So many samples are looked at before the next change.</summary>
    private const int Enough = 8;

    private const int Most = 64;

    private double _spread = Smooth;
    private double _last = double.NaN;
    private int _seen;

    /// <summary>Readings in a sample.</summary>
    public int Readings { get; private set; } = 1;

    /// <summary>Takes a sample in. It counts when the split has not changed since the one before.</summary>
    public void Note(in Rates rates, bool isSteady)
    {
        var ratio = Math.Log((rates.Sup + 1) / (rates.Sout + 1));
        if (isSteady && !double.IsNaN(_last))
        {
            // Of one outlier, the end of a burst, no more is taken than three spreads. 0.89: mean difference of two to standard deviation of one.
            _spread += 0.15 * (Math.Min(0.89 * Math.Abs(ratio - _last), (3 * _spread) + 0.01) - _spread);
            _seen++;
        }

        _last = isSteady ? ratio : double.NaN;
        if (_seen < Enough)
        {
            return;
        }

        // Noise of messages cut by a sample's ends goes down with its length.
        if (_spread > Rough && Readings < Most)
        {
            Resize(Readings * 2, _spread / 2);
        }
        else if (_spread < Smooth && Readings > 1)
        {
            Resize(Readings / 2, _spread * 2);
        }
    }

    private void Resize(int readings, double spread) => (Readings, _spread, _seen, _last) = (readings, spread, 0, double.NaN);
}
