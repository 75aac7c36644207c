using System.Buffers.Binary;
using System.Net;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>A slot as the region's bytes say. The flow is a number of <see cref="RegionFile.Flow"/>, or null in a free slot.</summary>
internal readonly record struct SlotBytes(uint Hint, uint Seq, uint Source, uint Destination)
{
    public bool IsFree => Source == 0 && Destination == 0;

    /// <summary>Whether flows share it.</summary>
    public bool IsShared => Source == uint.MaxValue && Destination == uint.MaxValue;

    public override string ToString() => $"hint {Hint}, seq {Seq}, {RegionFile.Address(Source)} > {RegionFile.Address(Destination)}";
}

/// <summary>The region's bytes, by the interface and by nothing of the agent's. Addresses are in host order here.</summary>
internal static class RegionFile
{
    public const int Slots = 256;

    private const int HeaderSize = 16;
    private const int EntrySize = 16;
    private const uint FirstFlow = 0x0A000000;

    /// <summary>The bytes as they are now, without a look at seq: for a time when nobody writes.</summary>
    public static SlotBytes[] Read(string path)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[HeaderSize + (Slots * EntrySize)];
        Assert.Equal(bytes.Length, RandomAccess.Read(handle, bytes, 0));
        Assert.Equal(bytes.Length, RandomAccess.GetLength(handle));
        Assert.Equal("48-49-50-4D-00-01-00-00", BitConverter.ToString(bytes, 0, 8));
        return [.. Enumerable.Range(0, Slots).Select(slot => Entry(bytes.AsSpan(HeaderSize + (slot * EntrySize), EntrySize)))];
    }

    /// <summary>Changes bytes of an entry as an agent that dies while it writes the entry leaves them: seq odd, and an address missing.</summary>
    public static void Break(string path, int slot, bool withoutSource, bool withoutDestination)
    {
        var entry = Read(path)[slot];
        Span<byte> bytes = stackalloc byte[EntrySize];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, entry.Hint);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], entry.Seq | 1);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], withoutSource ? 0 : entry.Source);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], withoutDestination ? 0 : entry.Destination);
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.Write(handle, bytes, HeaderSize + (slot * EntrySize));
    }

    /// <summary>The number of the flow that a slot shows, for chaos_client.c's flows; null for anything else.</summary>
    public static int? Flow(SlotBytes slot) =>
        slot.Destination == ~slot.Source && slot.Source >= FirstFlow && slot.Source - FirstFlow < 4096 ? (int)(slot.Source - FirstFlow) : null;

    public static string Address(uint address) => new IPAddress(BinaryPrimitives.ReverseEndianness(address)).ToString();

    private static SlotBytes Entry(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]));
}
