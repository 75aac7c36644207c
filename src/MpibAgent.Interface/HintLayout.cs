using System.Runtime.InteropServices;

namespace MpibAgent.Interface;

/// <summary>The hint region's layout: sizes and offsets in bytes, all integers little-endian. doc/interface.md has the picture.</summary>
public static class HintLayout
{
    /// <summary>First word of the region: the bytes "HIPM" in file order.</summary>
    public const uint Magic = 0x4D504948;

    /// <summary>How many slots a region has.</summary>
    public const int SlotCount = 256;

    /// <summary>Bytes before the first entry: magic, max_entries and eight bytes of zero.</summary>
    public const int HeaderSize = 16;

    /// <summary>Bytes of one entry: sup_bw, seq, src_ip, dst_ip.</summary>
    public const int EntrySize = 16;

    /// <summary>Bytes of the whole region.</summary>
    public const int RegionSize = HeaderSize + (SlotCount * EntrySize);

    /// <summary>Source and destination of the slot that flows share where there is none of their own: 255.255.255.255. Neither free nor a flow's.</summary>
    public static readonly Ipv4Address SharedAddress = new(uint.MaxValue);

    /// <summary>Where readers look for the region unless they are told otherwise.</summary>
    public const string DefaultPath = "/tmp/mpib/hints";
}

/// <summary>The region's first 16 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = HintLayout.HeaderSize)]
public struct HintHeader
{
    /// <summary><see cref="HintLayout.Magic"/>.</summary>
    [FieldOffset(0)] public uint Magic;

    /// <summary><see cref="HintLayout.SlotCount"/>.</summary>
    [FieldOffset(4)] public uint MaxEntries;

    /// <summary>Always 0.</summary>
    [FieldOffset(8)] public ulong Reserved;
}

/// <summary>One slot as it lies in the region.</summary>
[StructLayout(LayoutKind.Explicit, Size = HintLayout.EntrySize)]
public struct HintEntry
{
    /// <summary>The hint: what it means depends on the <see cref="HintEncoding"/>.</summary>
    [FieldOffset(0)] public uint SupBw;

    /// <summary>The seqlock: odd while the entry is being written.</summary>
    [FieldOffset(4)] public uint Seq;

    /// <summary>SOUT source address of the flow; 0 in a free slot.</summary>
    [FieldOffset(8)] public Ipv4Address Source;

    /// <summary>SOUT destination address of the flow; 0 in a free slot.</summary>
    [FieldOffset(12)] public Ipv4Address Destination;

    /// <summary>Whether it is the slot that flows share for which there is none of their own.</summary>
    public readonly bool IsShared => Source == HintLayout.SharedAddress && Destination == HintLayout.SharedAddress;
}
