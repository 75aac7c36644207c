using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

/// <summary>Observations of two rails that are up.</summary>
internal static class Seen
{
    public static readonly RailSample Up = new() { IsUp = true };
    public static readonly RailSample Down = new() { IsUp = false };

    public static Observation At(double seconds, RailSample sout, RailSample sup) => new(TimeSpan.FromSeconds(seconds), sout, sup);

    public static Observation Bytes(double seconds, ulong? sout, ulong? sup) => At(seconds, Up with { TxBytes = sout }, Up with { TxBytes = sup });
}
