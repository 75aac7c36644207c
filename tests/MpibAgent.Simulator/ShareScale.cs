using MpibAgent.Interface;

namespace MpibAgent.Simulator;

/// <summary>Which shares a flow's split can have.</summary>
internal enum ShareScale
{
    Ppm1024,
    Multiplier,

    /// <summary>Any: no hint can say it, but the optimum may.</summary>
    Exact,
}

/// <summary>Puts shares on a scale.</summary>
internal static class ShareScales
{
    /// <summary>A hint of 2^32 - 1: a share of 1 in the plugin's float32.</summary>
    private const double Whole = 1e9;

    /// <summary>The scale's encoding; what is exact is told to be the finer of the two.</summary>
    public static HintEncoding Encoding(this ShareScale scale) => scale == ShareScale.Multiplier ? HintEncoding.Multiplier : HintEncoding.Ppm1024;

    /// <summary>The share that comes of writing one the way the agent does: the nearest hint.</summary>
    public static double Written(this ShareScale scale, double share)
        => scale == ShareScale.Exact ? share : scale.Encoding().Share(scale.Encoding().Nearest(share));

    /// <summary>The share on the scale with the highest goodput where <paramref name="share"/> would be the optimum.</summary>
    public static double Best(this ShareScale scale, double share)
    {
        if (scale != ShareScale.Multiplier)
        {
            return scale.Written(share);
        }

        if (share <= 0)
        {
            return 0;
        }

        if (share >= 0.999999)
        {
            return 1;
        }

        var odds = share / (1 - share);
        var best = 0.0;
        var bestEfficiency = Efficiency(0, odds);
        foreach (var hint in (ReadOnlySpan<double>)[Math.Floor(odds), Math.Ceiling(odds), Whole])
        {
            if (Efficiency(hint, odds) is var efficiency && efficiency > bestEfficiency)
            {
                (best, bestEfficiency) = (hint, efficiency);
            }
        }

        return best >= Whole ? 1 : best / (1 + best);
    }

    public static string Name(this ShareScale scale) => scale == ShareScale.Exact ? "exact" : scale.Encoding().Name();

    /// <summary>The part of the optimum that a multiplier reaches where the rails' rates are 1 and <paramref name="odds"/>.</summary>
    private static double Efficiency(double hint, double odds)
    {
        if (hint <= 0)
        {
            return 1 / (1 + odds);
        }

        return hint >= Whole ? odds / (1 + odds) : Math.Min((1 + hint) / (1 + odds), odds * (1 + hint) / (hint * (1 + odds)));
    }
}
