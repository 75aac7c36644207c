using System.Numerics;
using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <summary>A directed pair of SOUT addresses.</summary>
internal readonly record struct Flow(Ipv4Address Source, Ipv4Address Destination)
{
    /// <summary>What the slot that many flows share shows in place of one flow: a broadcast address at both ends, which no job's flow has.</summary>
    public static readonly Flow Shared = new(HintLayout.SharedAddress, HintLayout.SharedAddress);

    /// <summary>Whether an end is 0.0.0.0, which a GID that is not IPv4 becomes.</summary>
    public bool HasAnyAddress => Source.IsAny || Destination.IsAny;

    /// <summary>CRC-32C of both addresses: flows that differ in one address alone never have the same.</summary>
    public uint Fingerprint => BitOperations.Crc32C(BitOperations.Crc32C(0xFFFFFFFF, Source.Raw), Destination.Raw);
}
