using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Interface;

namespace MpibAgent.Slots;

/// <summary>
/// What survives the agent: the flow of each slot and who set its hint, each connection and its process, the initial hint, the change under way. A mapped file of
/// fixed records, written in place before a reply goes out: a registration costs some stores and no system call, and what is stored
/// outlives the process however it ends. Owns the file, its lock and the mapping; <see cref="SlotTable"/> alone reads and writes it, on the
/// loop's thread.
/// </summary>
/// <remarks>
/// Each record is made valid by the store of one aligned 64-bit word, with a check (CRC-32C over the record and its place) in it, after
/// the others: stores of one thread reach the page in their order as seen by whoever maps it after that thread has ended. So an agent killed
/// between any two stores leaves the record as it was, as it is to be, or with a check that does not fit, which counts as free.
/// </remarks>
internal sealed unsafe partial class StateFile(StateOptions options, ControlOptions control, HintOptions hints, ILogger<StateFile> log) : IDisposable
{
    private const uint HasFlow = 0x100;
    private const uint IsOrphan = 0x200;
    private const int FirstCapacity = 1024;
    private const int FirstConnection = StateHeader.Size + (HintLayout.SlotCount * SlotRecord.Size);

    /// <summary>The most connections: 512 MiB. A bound on what a damaged file can make us map, far beyond what a host has.</summary>
    public const int LargestCapacity = 1 << 24;

    private readonly string _path = options.Path.Length > 0
        ? options.Path
        : Path.Combine(Path.GetDirectoryName(ControlPath.Choose(control, hints, out _))!, StateOptions.FileName);

    private FileLock? _lock;
    private SafeFileHandle? _handle;
    private MemoryMappedFile? _file;
    private MemoryMappedViewAccessor? _view;
    private byte* _base;

    /// <summary>Its directory, which is ours alone once <see cref="Open"/> has returned.</summary>
    public string Directory => Path.GetDirectoryName(_path)!;

    /// <summary>How many connections there is room for; grows in <see cref="TryReserve"/>.</summary>
    public int Capacity { get; private set; }

    private StateHeader* Header => (StateHeader*)_base;

    /// <summary>Takes over what an earlier agent left; false when there was nothing, or nothing that can be used, and a fresh file was made.</summary>
    /// <exception cref="Fault">There is no room or no permission for it, or another agent has it.</exception>
    public bool Open()
    {
        var directory = Path.GetDirectoryName(_path)!;
        Ownership.PrepareDirectory(directory);
        _lock = FileLock.Take(Path.Combine(directory, StateOptions.LockName));
        if (TryAdopt())
        {
            return true;
        }

        Create();
        return false;
    }

    public void Dispose()
    {
        Unmap();
        _handle?.Dispose();
        _lock?.Dispose();
    }

    /// <summary>Sees to it that a connection can be written at <paramref name="index"/>; false when the file system has no room.</summary>
    /// <exception cref="OutOfMemoryException">There is no room for a larger mapping; the one that there is stays.</exception>
    public bool TryReserve(int index)
    {
        if (index < Capacity)
        {
            return true;
        }

        var capacity = Capacity * 2;
        if (capacity > LargestCapacity || Allocate((int)_handle!.DangerousGetHandle(), 0, SizeFor(capacity)) != 0)
        {
            return false;
        }

        Map(capacity);
        return true;
    }

    /// <summary>What hints meant to the agent that wrote it; null where that is not known.</summary>
    public HintEncoding? Encoding
    {
        get => Header->Encoding is var known and > 0 && Enum.IsDefined((HintEncoding)(known - 1)) ? (HintEncoding)(known - 1) : null;
        set => Header->Encoding = value is { } encoding ? (uint)encoding + 1 : 0;
    }

    /// <summary>The initial hint that an operator has set; null when none has.</summary>
    public uint? Initial
    {
        get
        {
            var word = Header->InitialWord;
            return word != 0 && (uint)(word >> 32) == Check((uint)word) ? (uint)word : null;
        }

        set => Volatile.Write(ref Header->InitialWord, value is { } hint ? Word(hint, Check(hint)) : 0);
    }

    /// <summary>Whether the initial hint that an operator has set is there and cannot be trusted; it then counts as not set.</summary>
    public bool IsInitialDamaged => Header->InitialWord != 0 && Initial is null;

    /// <summary>A slot as it was written; false when it is damaged, or never was written.</summary>
    public bool TryReadSlot(int slot, out Flow flow, out bool hasFlow, out bool isOrphan, out HintSource source)
    {
        var record = *Slot(slot);
        hasFlow = (record.StateWord & HasFlow) != 0;
        isOrphan = (record.StateWord & IsOrphan) != 0;
        var flowWord = hasFlow ? record.FlowWord : 0;
        flow = Unpack(flowWord);
        source = (HintSource)(byte)record.StateWord;
        return Enum.IsDefined(source) && (uint)(record.StateWord >> 32) == Check(flowWord, (uint)record.StateWord, (uint)slot);
    }

    /// <summary>Whether a slot was never written: it is free, and nobody has set its hint.</summary>
    public bool IsBlankSlot(int slot) => Slot(slot)->StateWord == 0;

    /// <summary>
    /// Writes a slot. To give a free one a flow, and to free one, is all or nothing: a free slot's addresses do not count. To give it another flow in place
    /// of one takes a <see cref="ChangeKind.ChangeFlow"/> around it.
    /// </summary>
    public void WriteSlot(int slot, Flow flow, bool hasFlow, bool isOrphan, HintSource source)
    {
        var flowWord = hasFlow ? Pack(flow) : 0;
        var state = (uint)source | (hasFlow ? HasFlow : 0) | (isOrphan ? IsOrphan : 0);
        if (hasFlow)
        {
            Volatile.Write(ref Slot(slot)->FlowWord, flowWord);
        }

        Volatile.Write(ref Slot(slot)->StateWord, Word(state, Check(flowWord, state, (uint)slot)));
    }

    /// <summary>A connection as it was written; false when the record is free. A record whose check does not fit counts into <paramref name="damaged"/>.</summary>
    public bool TryReadConnection(int index, out ProcessIdentity process, out uint connId, out int slot, ref int damaged)
    {
        var record = *Connection(index);
        process = new ProcessIdentity(record.Pid, record.Uid, record.PidfdInode);
        connId = record.ConnId;
        slot = (int)(uint)record.CommitWord;
        if (record.CommitWord == 0)
        {
            return false;
        }

        if ((uint)slot < HintLayout.SlotCount && record.Pid > 0 && (uint)(record.CommitWord >> 32) == Check(process, connId, slot, index))
        {
            return true;
        }

        damaged++;
        return false;
    }

    /// <summary>Writes a connection to a reserved record that is free.</summary>
    public void WriteConnection(int index, ProcessIdentity process, uint connId, int slot)
    {
        var record = Connection(index);
        record->Pid = process.Pid;
        record->Uid = process.Uid;
        record->PidfdInode = process.PidfdInode;
        record->ConnId = connId;
        CommitConnection(index, process, connId, slot);
    }

    /// <summary>Changes the slot of a connection.</summary>
    public void CommitConnection(int index, ProcessIdentity process, uint connId, int slot) =>
        Volatile.Write(ref Connection(index)->CommitWord, Word((uint)slot, Check(process, connId, slot, index)));

    /// <summary>The flow of a connection in the slot that flows share.</summary>
    public uint FingerprintOf(int index) => Connection(index)->Fingerprint;

    /// <summary>Writes that flow: before the connection goes there, to a reserved record.</summary>
    public void WriteFingerprint(int index, uint fingerprint) => Volatile.Write(ref Connection(index)->Fingerprint, fingerprint);

    /// <summary>Frees the record of a connection.</summary>
    public void ClearConnection(int index) => Volatile.Write(ref Connection(index)->CommitWord, 0);

    private SlotRecord* Slot(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)HintLayout.SlotCount, nameof(slot));
        return (SlotRecord*)(_base + StateHeader.Size) + slot;
    }

    private ConnectionRecord* Connection(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Capacity, nameof(index));
        return (ConnectionRecord*)(_base + FirstConnection) + index;
    }

    private static ulong Word(uint low, uint high) => ((ulong)high << 32) | low;

    private static ulong Pack(Flow flow) => Word(flow.Source.Raw, flow.Destination.Raw);

    private static Flow Unpack(ulong word) => new(new Ipv4Address((uint)word), new Ipv4Address((uint)(word >> 32)));

    private static uint Check(uint value) => BitOperations.Crc32C(0xFFFFFFFF, value) | 1;

    private static uint Check(ulong flow, uint state, uint slot) => BitOperations.Crc32C(BitOperations.Crc32C(Check(slot), flow), state) | 1;

    private static uint Check(ProcessIdentity process, uint connId, int slot, int index)
    {
        var check = BitOperations.Crc32C(0xFFFFFFFF, Word((uint)process.Pid, process.Uid));
        check = BitOperations.Crc32C(check, process.PidfdInode);
        check = BitOperations.Crc32C(check, Word(connId, (uint)slot));

        // Never 0, which is a free record.
        return BitOperations.Crc32C(check, (uint)index) | 1;
    }

    private static long SizeFor(int capacity) => FirstConnection + ((long)capacity * ConnectionRecord.Size);

    private bool TryAdopt()
    {
        _handle = Ownership.Open(_path, UnixFileType.Regular, FileAccess.ReadWrite);
        if (_handle is null)
        {
            return false;
        }

        var length = RandomAccess.GetLength(_handle);
        var capacity = (length - FirstConnection) / ConnectionRecord.Size;
        if (WhyUnusable(length, capacity) is { } reason)
        {
            _handle.Dispose();
            Log.StateSetAside(log, _path, reason, Ownership.MoveAside(_path));
            return false;
        }

        // A file with holes would end us at the first write when the file system is full.
        if (Allocate((int)_handle.DangerousGetHandle(), 0, length) != 0)
        {
            throw new Fault($"no room for the {length} bytes of {_path}; make room on its file system");
        }

        Map((int)capacity);
        return true;
    }

    private string? WhyUnusable(long length, long capacity)
    {
        if (capacity is < FirstCapacity or > LargestCapacity || SizeFor((int)capacity) != length)
        {
            return string.Create(CultureInfo.InvariantCulture, $"expected {SizeFor(FirstCapacity)} bytes or more, in steps of {ConnectionRecord.Size}, found {length}");
        }

        var header = default(StateHeader);
        _ = RandomAccess.Read(_handle!, MemoryMarshal.AsBytes(new Span<StateHeader>(ref header)), 0);
        return header switch
        {
            { Magic: not StateHeader.ExpectedMagic } => "it is no state file",
            { Version: > StateHeader.CurrentVersion } => $"it is of version {header.Version}, from a newer agent; this one knows {StateHeader.CurrentVersion}",
            { Version: 0 } => "it has no version",
            _ => null,
        };
    }

    private void Create()
    {
        var draft = Ownership.DraftOf(_path);
        File.Delete(draft);
        _handle = Ownership.Create(draft, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        if (Allocate((int)_handle.DangerousGetHandle(), 0, SizeFor(FirstCapacity)) != 0)
        {
            File.Delete(draft);
            throw new Fault($"no room for the {SizeFor(FirstCapacity)} bytes of {_path}; make room on its file system");
        }

        Map(FirstCapacity);
        Header->Version = StateHeader.CurrentVersion;
        Volatile.Write(ref Header->Magic, StateHeader.ExpectedMagic);
        File.Move(draft, _path);
    }

    /// <summary>Maps the file as it is now, and only then gives up the mapping of what it was.</summary>
    private void Map(int capacity)
    {
        var file = MemoryMappedFile.CreateFromFile(_handle!, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        MemoryMappedViewAccessor view;
        try
        {
            view = file.CreateViewAccessor(0, SizeFor(capacity));
        }
        catch (IOException fault)
        {
            file.Dispose();
            throw new InsufficientMemoryException(fault.Message, fault);
        }

        Unmap();
        (_file, _view) = (file, view);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _base);
        Capacity = capacity;
    }

    private void Unmap()
    {
        if (_base != null)
        {
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
            _base = null;
        }

        _view?.Dispose();
        _file?.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    private static partial int Allocate(int descriptor, long offset, long length);
}
