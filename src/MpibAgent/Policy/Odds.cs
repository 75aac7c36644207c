namespace MpibAgent.Policy;

/// <summary>
/// The scale on which splits are compared: theta = ln(share / (1 - share)), the log odds of SUP against SOUT. A step of g changes the ratio of the
/// two rails' bytes by e^g wherever it starts, so one step size serves for every split.
/// </summary>
internal static class Odds
{
    /// <summary>Beyond this no encoding tells a share from 0 or 1.</summary>
    private const double Farthest = 30;

    /// <summary>Log odds of a share; +-30 at the ends.</summary>
    public static double Of(double share) => Math.Clamp(Math.Log(share / (1 - share)), -Farthest, Farthest);

    /// <summary>The share that has these log odds.</summary>
    public static double ToShare(double odds) => 1 / (1 + Math.Exp(-odds));
}
