namespace MpibAgent.Interface;

/// <summary>What a hint means to the plugin; its two revisions differ.</summary>
public enum HintEncoding
{
    /// <summary>SUP share = sup_bw / (1 + sup_bw), any u32.</summary>
    Multiplier,

    /// <summary>SUP share = sup_bw / 1024, 0 to 1024.</summary>
    Ppm1024,
}

/// <summary>The one place where shares become hints and hints become shares.</summary>
public static class HintEncodings
{
    /// <summary>The highest hint that the agent writes in this encoding.</summary>
    public static uint MaxHint(this HintEncoding encoding) => encoding == HintEncoding.Ppm1024 ? 1024 : uint.MaxValue;

    /// <summary>The part of the bytes that goes to SUP, 0 to 1, as the plugin computes it (float32 under multiplier).</summary>
    public static float Share(this HintEncoding encoding, uint hint) => encoding == HintEncoding.Ppm1024
        ? Math.Min(hint, 1024) / 1024f
        : hint / (1f + hint);

    /// <summary>The hint whose share is nearest to <paramref name="share"/>.</summary>
    /// <param name="encoding">The plugin's encoding.</param>
    /// <param name="share">SUP share, 0 to 1; what lies outside is cut to it.</param>
    /// <exception cref="ArgumentException"><paramref name="share"/> is not a number.</exception>
    public static uint Nearest(this HintEncoding encoding, double share)
    {
        if (double.IsNaN(share))
        {
            throw new ArgumentException("expected a share of 0 to 1, got NaN", nameof(share));
        }

        share = Math.Clamp(share, 0, 1);
        if (encoding == HintEncoding.Ppm1024)
        {
            return (uint)Math.Round(share * 1024);
        }

        // share = h / (1 + h) solved for h; of the two integers around it the one whose share is nearer.
        var exact = share / (1 - share);
        if (exact >= uint.MaxValue)
        {
            return uint.MaxValue;
        }

        var below = (uint)exact;
        var distanceBelow = share - (below / (1.0 + below));
        var distanceAbove = ((below + 1.0) / (below + 2.0)) - share;
        return distanceAbove < distanceBelow ? below + 1 : below;
    }

    /// <summary>The encoding's name in settings and messages.</summary>
    public static string Name(this HintEncoding encoding) => encoding == HintEncoding.Ppm1024 ? "ppm1024" : "multiplier";
}
