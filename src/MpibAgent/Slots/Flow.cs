using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <summary>A directed pair of SOUT addresses.</summary>
internal readonly record struct Flow(Ipv4Address Source, Ipv4Address Destination)
{
    /// <summary>Whether an end is 0.0.0.0, which a GID that is not IPv4 becomes.</summary>
    public bool HasAnyAddress => Source.IsAny || Destination.IsAny;
}
