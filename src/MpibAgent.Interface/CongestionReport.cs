using System.Runtime.InteropServices;

namespace MpibAgent.Interface;

/// <summary>
/// A report of how congested one rail of a path is: one UDP datagram, whole and alone in it (doc/interface.md). What the agent takes from switches
/// and hosts, and what it sends about its own rails.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = DatagramSize)]
public struct CongestionReport
{
    /// <summary>Bytes of the datagram.</summary>
    public const int DatagramSize = 56;

    /// <summary>Bytes that the MAC is made over: all before it.</summary>
    public const int SignedSize = 40;

    /// <summary>Bytes of the MAC.</summary>
    public const int MacSize = 16;

    /// <summary>First word of every report: the bytes "CIPM" as they travel.</summary>
    public const uint ExpectedMagic = 0x4D504943;

    /// <summary>The version that is described here.</summary>
    public const byte CurrentVersion = 1;

    /// <summary><see cref="ExpectedMagic"/>.</summary>
    [FieldOffset(0)] public uint Magic;

    /// <summary><see cref="DatagramSize"/>.</summary>
    [FieldOffset(4)] public ushort Size;

    /// <summary><see cref="CurrentVersion"/>.</summary>
    [FieldOffset(6)] public byte Version;

    /// <summary>0 for SOUT, 1 for SUP.</summary>
    [FieldOffset(7)] public byte Rail;

    /// <summary>0, idle, to 255, as congested as can be. Three bytes of zero follow.</summary>
    [FieldOffset(8)] public byte Level;

    /// <summary>SOUT source address of the path; 0.0.0.0 for any.</summary>
    [FieldOffset(12)] public Ipv4Address Source;

    /// <summary>SOUT destination address of the path; 0.0.0.0 for any.</summary>
    [FieldOffset(16)] public Ipv4Address Destination;

    /// <summary>Names the sender, and no other one: its IPv4 address, as a rule.</summary>
    [FieldOffset(20)] public uint Sender;

    /// <summary>Over 0, and higher in every report of this sender than in all before.</summary>
    [FieldOffset(24)] public ulong Sequence;

    /// <summary>Nanoseconds on the sender's own clock when it measured. Advisory: the agent compares it with no clock.</summary>
    [FieldOffset(32)] public ulong Timestamp;

    /// <summary>The first 8 bytes of the MAC: HMAC-SHA-256 over the 40 bytes before it, cut to 16; zero without a key.</summary>
    [FieldOffset(40)] public ulong MacLow;

    /// <summary>The other 8 bytes of the MAC.</summary>
    [FieldOffset(48)] public ulong MacHigh;

    /// <summary>A report with its constants filled in.</summary>
    public CongestionReport()
    {
        Magic = ExpectedMagic;
        Size = DatagramSize;
        Version = CurrentVersion;
    }
}
