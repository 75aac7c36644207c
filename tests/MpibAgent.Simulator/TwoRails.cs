namespace MpibAgent.Simulator;

/// <summary>The rails' numbers, and the unit that scenarios give their rates in.</summary>
internal static class TwoRails
{
    public const int Sout = 0;
    public const int Sup = 1;

    /// <summary>Bytes per second in 1 Gb/s.</summary>
    public const double Gbps = 125e6;
}
