using MpibAgent.Interface;

namespace MpibAgent.Policy;

/// <summary>
/// Gives several flows together a mean share that none of them can have alone: some get the expressible share above it, the others the one below.
/// Who gets which rotates, so that no flow is the slow one for long.
/// </summary>
internal static class HintMix
{
    /// <summary>Fills in a share for each flow.</summary>
    /// <param name="encoding">Says which shares a flow can have.</param>
    /// <param name="mean">The share that they are to have together.</param>
    /// <param name="turn">Counts up with every sample, and begins again at 0 after its end.</param>
    /// <param name="shares">One for each flow.</param>
    public static void Fill(HintEncoding encoding, double mean, uint turn, Span<double> shares)
    {
        var odds = mean / (1 - mean);
        if (encoding == HintEncoding.Ppm1024 || shares.Length < 2 || mean <= 0 || odds > uint.MaxValue)
        {
            shares.Fill(mean);
            return;
        }

        var m = Math.Floor(odds + 1e-9);
        var (low, high) = (m / (1 + m), (m + 1) / (m + 2));
        var count = (int)Math.Round(shares.Length * (mean - low) / (high - low));
        var first = (long)turn * Math.Max(1, count);
        for (var i = 0; i < shares.Length; i++)
        {
            shares[i] = (i + first) % shares.Length < count ? high : low;
        }
    }
}
