using MpibAgent.Interface;

namespace MpibAgent.Policy;

/// <summary>
/// The shares that can be had, and the next ones above and below. Under ppm1024 they are n/1024, but not the ends: a rail that gets nothing tells
/// nothing. Under multiplier one flow can have m/(1+m) alone; N flows together can have N - 1 mean shares more between each two, by giving some of
/// them the upper one (<see cref="HintMix"/>).
/// </summary>
internal readonly struct ShareGrid(HintEncoding encoding, int flows)
{
    private const double Fuzz = 1e-9;

    /// <summary>Under ppm1024 the wrong neighbour costs less than 1 % where both rails get more than this.</summary>
    private const double NearEnd = 1 / 16.0;

    /// <summary>Beyond these odds the next multiplier is all on SUP.</summary>
    private const double MostOdds = 1e6;

    private readonly int _flows = Math.Max(1, flows);

    /// <summary>Whether neighbours lie close: but for the ends it costs next to nothing to take the wrong one.</summary>
    public bool IsFine => encoding == HintEncoding.Ppm1024;

    /// <summary>Of the two around <paramref name="share"/> the one that moves more where that is the optimum (goodput falls faster on one side of it than on the other).</summary>
    public double Best(double share)
    {
        if (share is <= 0 or >= 1)
        {
            return Math.Clamp(share, 0, 1);
        }

        if (IsFine && share is > NearEnd and < 1 - NearEnd)
        {
            return Math.Round(share * 1024) / 1024;
        }

        var index = IsFine ? Math.Clamp(share * 1024, 1, 1023) : Index(share);
        var (below, above) = (Math.Floor(index + Fuzz), Math.Ceiling(index - Fuzz));
        (below, above) = IsFine ? (below / 1024, above / 1024) : (At(below), At(above));
        return (1 - share) / (1 - below) > share / above ? below : above;
    }

    /// <summary>The lowest share whose odds are <paramref name="odds"/> or more and that is above <paramref name="share"/>.</summary>
    public double Above(double share, double odds) => IsFine
        ? Math.Min(1023, Math.Max(Math.Ceiling((Odds.ToShare(odds) * 1024) - Fuzz), Math.Round(share * 1024) + 1)) / 1024
        : At(Math.Max(Math.Ceiling(Index(Odds.ToShare(odds)) - Fuzz), Math.Round(Index(share)) + 1));

    /// <summary>The highest share whose odds are <paramref name="odds"/> or less and that is below <paramref name="share"/>.</summary>
    public double Below(double share, double odds) => IsFine
        ? Math.Max(1, Math.Min(Math.Floor((Odds.ToShare(odds) * 1024) + Fuzz), Math.Round(share * 1024) - 1)) / 1024
        : At(Math.Max(0, Math.Min(Math.Floor(Index(Odds.ToShare(odds)) + Fuzz), Math.Round(Index(share)) - 1)));

    /// <summary>Between m/(1+m) and the next lie N steps of equal size; index m*N + k is the k-th.</summary>
    private double Index(double share)
    {
        var odds = Math.Min(share / (1 - share), MostOdds);
        var m = Math.Floor(odds + Fuzz);
        var (low, high) = (m / (1 + m), (m + 1) / (m + 2));
        return _flows * (m + Math.Clamp((share - low) / (high - low), 0, 1));
    }

    private double At(double index)
    {
        var m = Math.Floor((index / _flows) + Fuzz);
        if (m >= MostOdds)
        {
            return 1;
        }

        var (low, high) = (m / (1 + m), (m + 1) / (m + 2));
        return low + ((high - low) * ((index / _flows) - m));
    }
}
