using System.Runtime.InteropServices;

namespace MpibAgent.Slots;

/// <summary>
/// The state file's first 64 bytes. Then come 256 <see cref="SlotRecord"/>s, and then <see cref="ConnectionRecord"/>s to the end of the file. Integers are
/// little-endian. A layout that changes gets another version; tests/MpibAgent.Tests/Slots keeps a file of each.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct StateHeader
{
    public const int Size = 64;

    /// <summary>The bytes "MPIBSTAT".</summary>
    public const ulong ExpectedMagic = 0x544154534249504D;

    public const uint CurrentVersion = 1;

    /// <summary>Set last when a file is made.</summary>
    [FieldOffset(0)] public ulong Magic;

    /// <summary>1.</summary>
    [FieldOffset(8)] public uint Version;

    /// <summary>What hints mean to the agent that writes it: <see cref="Interface.HintEncoding"/> plus one; 0 where an older agent made the file.</summary>
    [FieldOffset(12)] public uint Encoding;

    /// <summary>The initial hint that an operator set with `all` in the low half, its check in the high half; 0 as long as none did.</summary>
    [FieldOffset(16)] public ulong InitialWord;

    /// <summary>Of the change under way: the flow, as in <see cref="SlotRecord.FlowWord"/>.</summary>
    [FieldOffset(24)] public ulong ChangeFlow;

    /// <summary>Of the change under way: the hint.</summary>
    [FieldOffset(32)] public uint ChangeHint;

    /// <summary>Of the change under way: the <see cref="ChangeKind"/> in the low byte, then the slot, then the <see cref="HintSource"/>.</summary>
    [FieldOffset(36)] public uint ChangeState;

    /// <summary>Set last, of all three; 0 as long as no change is under way, and in files of older agents.</summary>
    [FieldOffset(40)] public uint ChangeCheck;
}

/// <summary>A slot: its flow and who set its hint. The hint itself is in the region.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct SlotRecord
{
    public const int Size = 16;

    /// <summary>Source in the low half, destination in the high half; without a meaning in a free slot.</summary>
    [FieldOffset(0)] public ulong FlowWord;

    /// <summary>The low byte is the <see cref="HintSource"/>; bit 8 is set in a slot that has a flow, bit 9 when no connection of that flow is known; the high half checks all.</summary>
    [FieldOffset(8)] public ulong StateWord;
}

/// <summary>A connection. It counts when its check is right, and the last word is stored at once: all or nothing.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct ConnectionRecord
{
    public const int Size = 32;

    [FieldOffset(0)] public int Pid;
    [FieldOffset(4)] public uint Uid;
    [FieldOffset(8)] public ulong PidfdInode;
    [FieldOffset(16)] public uint ConnId;

    /// <summary>
    /// The <see cref="Flow.Fingerprint"/> of its flow in a slot that flows share, elsewhere without a meaning. Not under the check: it changes by itself when
    /// a connection moves from one such flow to another, and damaged it is the fingerprint of another flow, which makes the next request a move.
    /// </summary>
    [FieldOffset(20)] public uint Fingerprint;

    /// <summary>The slot in the low half, the check in the high half; 0 in a free record.</summary>
    [FieldOffset(24)] public ulong CommitWord;
}
