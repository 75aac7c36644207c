namespace MpibAgent.RealRails;

/// <summary>What a hint means under the encoding in use, and which one is nearest to a share.</summary>
internal sealed class Hints(string encoding)
{
    private const uint Ppm = 1024;
    private const uint LargestMultiplier = 1 << 16;

    public string Encoding { get; } = encoding;

    private bool IsPpm => Encoding == "ppm1024";

    public double ShareOf(uint hint) => IsPpm ? Math.Min(hint, Ppm) / (double)Ppm : hint / (1.0 + hint);

    /// <summary>The hint that gets the most out of the rails.</summary>
    public uint Best(Rates rates)
    {
        if (IsPpm)
        {
            return (uint)Math.Round(Ppm * rates.BestShare);
        }

        if (rates.Sout == 0)
        {
            return uint.MaxValue;
        }

        var below = (uint)Math.Min(rates.Sup / rates.Sout, LargestMultiplier);
        return Yield(rates, below) >= Yield(rates, below + 1) ? below : below + 1;
    }

    private double Yield(Rates rates, uint hint)
    {
        var share = ShareOf(hint);
        return Math.Min(share == 0 ? double.MaxValue : rates.Sup / share, share == 1 ? double.MaxValue : rates.Sout / (1 - share));
    }
}
