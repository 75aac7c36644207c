namespace MpibAgent.RealRails;

/// <summary>The two rails, in the order in which the agent counts them.</summary>
internal enum Rail
{
    Sout,
    Sup,
}

/// <summary>What either rail can carry for the sender, Mbit/s.</summary>
internal readonly record struct Rates(double Sout, double Sup)
{
    public double Sum => Sout + Sup;

    /// <summary>The share of SUP at which both rails are full.</summary>
    public double BestShare => Sum == 0 ? 0.5 : Sup / Sum;
}
