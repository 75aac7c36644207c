namespace MpibAgent.Policy;

/// <summary>
/// How many readings make a sample. While the split stays as it is the two rails' rates keep their proportion, however the job's demand goes up
/// and down; if they do not, a sample holds too few messages to mean anything, and is made longer.
/// </summary>
internal sealed class SampleWidth(TimeSpan period)
{
    // Spread of the log ratio from sample to sample. The search compares steps of 0.06 and more, over two samples and more.
    private const double Rough = 0.06, Smooth = 0.025;

    /// <summary>A rail as steady as this is full, and what the other lacks is no matter of the sample's length.</summary>
    private const double Calm = 0.02;

    /// <summary>So many samples are looked at before the next change.</summary>
    private const int Enough = 5;

    /// <summary>A sample longer than 80 ms would steer too late for too little.</summary>
    private readonly int _most = Math.Max(1, (int)(0.08 / period.TotalSeconds));

    private Spread _ratio = new(), _sout = new(), _sup = new();
    private int _seen;

    /// <summary>Readings in a sample.</summary>
    public int Readings { get; private set; } = 1;

    /// <summary>Takes a sample in. It counts when the split has not changed since the one before.</summary>
    public void Note(in Rates rates, bool isSteady)
    {
        _ratio.Note(Math.Log((rates.Sup + 1) / (rates.Sout + 1)), isSteady);
        _sout.Note(Math.Log(rates.Sout + 1), isSteady);
        _sup.Note(Math.Log(rates.Sup + 1), isSteady);
        _seen = Math.Min(Enough, _seen + (isSteady ? 1 : 0));
        if (_seen < Enough)
        {
            return;
        }

        // Noise of messages cut by a sample's ends goes down with its length.
        var isCalm = Math.Min(_sout.Value, _sup.Value) < Calm;
        if (_ratio.Value > Rough && !isCalm && Readings * 2 <= _most)
        {
            Resize(Readings * 2, 0.5);
        }
        else if (_ratio.Value < Smooth && Readings > 1)
        {
            Resize(Readings / 2, 2);
        }
    }

    private void Resize(int readings, double factor)
    {
        (Readings, _seen) = (readings, 0);
        _ratio.Scale(factor);
        _sout.Scale(factor);
        _sup.Scale(factor);
    }

    /// <summary>How much a logarithm differs from sample to sample, as a standard deviation.</summary>
    private struct Spread()
    {
        private double _last = double.NaN;

        public double Value { get; private set; } = Smooth;

        public void Note(double value, bool isSteady)
        {
            if (isSteady && !double.IsNaN(_last))
            {
                // Of one outlier, the end of a burst, no more is taken than three spreads. 0.89: mean difference of two to standard deviation of one.
                Value += 0.25 * (Math.Min(0.89 * Math.Abs(value - _last), (3 * Value) + 0.01) - Value);
            }

            _last = isSteady ? value : double.NaN;
        }

        public void Scale(double factor) => (Value, _last) = (Value * factor, double.NaN);
    }
}
