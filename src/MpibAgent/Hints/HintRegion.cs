using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using MpibAgent.Interface;

namespace MpibAgent.Hints;

/// <summary>
/// The bytes that the plugin reads. Owns the file, its lock and the mapping; <see cref="Slots.SlotTable"/> is the only caller of its writes,
/// on the loop's thread, so there is one writer. An existing valid file keeps its inode and its contents for ever, because
/// readers map it once and never look at the path again.
/// </summary>
/// <remarks>
/// The seqlock, on x86-64 and arm64 alike. sup_bw and seq are one aligned 8-byte word: a hint change is one 64-bit store of
/// {sup_bw, seq + 2}. Such a store is single-copy atomic on both (Intel SDM vol. 3A 9.1.1; Arm ARM B2.2.1), so seq is never odd,
/// and a writer that is preempted or killed keeps no reader waiting.
/// When the addresses change too, seq is made odd first. Every store is a release store (<see cref="Volatile"/>): each is ordered after all
/// stores before it, so a reader that sees any new address also sees the odd seq or a later one at its second look, and a reader that
/// sees the final word sees both addresses. Plain stores would not do: the compiler may merge or reorder them, and so may arm64.
/// </remarks>
internal sealed unsafe partial class HintRegion(HintOptions options, ILogger<HintRegion> log) : IHostedService, IDisposable
{
    private readonly string _path = options.Path;
    private FileLock? _lock;
    private MemoryMappedFile? _file;
    private MemoryMappedViewAccessor? _view;
    private byte* _base;

    /// <summary>Whether the region was there already and valid.</summary>
    public bool Adopted { get; private set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var directory = System.IO.Path.GetDirectoryName(_path)!;
        Ownership.PrepareDirectory(directory);
        _lock = FileLock.Take(System.IO.Path.Combine(directory, HintOptions.LockName));
        Adopted = TryAdopt();
        if (!Adopted)
        {
            Create();
            if (!TryAdopt())
            {
                throw new Fault($"{_path}: vanished right after it was made");
            }
        }

        RepairOddSequences();
        Log.RegionReady(log, _path, Adopted ? "adopted" : "created", HintLayout.SlotCount, options.Encoding.Name(), options.Initial,
            options.Encoding.Share(options.Initial) * 100);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        if (_base != null)
        {
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
            _base = null;
        }

        _view?.Dispose();
        _file?.Dispose();
        _lock?.Dispose();
    }

    /// <summary>The entry as it is. For the writer's own thread: nothing changes meanwhile.</summary>
    public HintEntry Read(int slot) => *Entry(slot);

    /// <summary>The sum of all slots' seq, which every store moves; modulo 2^32.</summary>
    public uint SumOfSeq()
    {
        var sum = 0u;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            sum += Entry(slot)->Seq;
        }

        return sum;
    }

    /// <summary>Changes the hint of a slot; acts on the next message that the plugin sends.</summary>
    public void WriteHint(int slot, uint hint)
    {
        var entry = Entry(slot);
        Volatile.Write(ref *(ulong*)entry, Word(hint, entry->Seq + 2));
    }

    /// <summary>Changes addresses and hint of a slot, all or nothing to a reader.</summary>
    public void WriteEntry(int slot, Ipv4Address source, Ipv4Address destination, uint hint)
    {
        var entry = Entry(slot);
        var seq = entry->Seq;
        Volatile.Write(ref entry->Seq, seq + 1);
        Volatile.Write(ref *(uint*)&entry->Source, source.Raw);
        Volatile.Write(ref *(uint*)&entry->Destination, destination.Raw);
        Volatile.Write(ref *(ulong*)entry, Word(hint, seq + 2));
    }

    private HintEntry* Entry(int slot)
    {
        ObjectDisposedException.ThrowIf(_base == null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)HintLayout.SlotCount, nameof(slot));
        return (HintEntry*)(_base + HintLayout.HeaderSize) + slot;
    }

    // Little-endian: the low half is the field at offset 0.
    private static ulong Word(uint hint, uint seq) => ((ulong)seq << 32) | hint;

    /// <summary>Maps what lies at the path; false when there is nothing, or what was there is moved out of the way.</summary>
    private bool TryAdopt()
    {
        using var handle = Ownership.Open(_path, UnixFileType.Regular, FileAccess.ReadWrite);
        if (handle is null)
        {
            return false;
        }

        if (WhyInvalid(handle) is { } reason)
        {
            // Never written to: whoever maps it keeps what it has, and it can be looked at.
            Log.RegionMovedAside(log, _path, reason, Ownership.MoveAside(_path));
            return false;
        }

        File.SetUnixFileMode(handle, Ownership.ParseMode(options.Mode));
        _file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, HintLayout.RegionSize);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _base);
        return true;
    }

    private static string? WhyInvalid(SafeFileHandle handle)
    {
        var length = RandomAccess.GetLength(handle);
        if (length != HintLayout.RegionSize)
        {
            return string.Create(CultureInfo.InvariantCulture, $"expected {HintLayout.RegionSize} bytes, found {length}");
        }

        var header = default(HintHeader);
        _ = RandomAccess.Read(handle, MemoryMarshal.AsBytes(new Span<HintHeader>(ref header)), 0);
        return header switch
        {
            { Magic: not HintLayout.Magic } => $"expected magic {HintLayout.Magic:x8}, found {header.Magic:x8}",
            { MaxEntries: not HintLayout.SlotCount } => $"expected {HintLayout.SlotCount} entries, found {header.MaxEntries}",
            _ => null,
        };
    }

    /// <summary>The file is complete, magic included, before it gets its name: no reader ever sees half of it.</summary>
    private void Create()
    {
        var image = new byte[HintLayout.RegionSize];
        var header = new HintHeader { Magic = HintLayout.Magic, MaxEntries = HintLayout.SlotCount };
        MemoryMarshal.Write(image, in header);
        foreach (ref var entry in MemoryMarshal.Cast<byte, HintEntry>(image.AsSpan(HintLayout.HeaderSize)))
        {
            entry.SupBw = options.Initial;
        }

        // Left by an agent that died here; nobody else has the lock.
        var draft = Ownership.DraftOf(_path);
        File.Delete(draft);
        using (var handle = Ownership.Create(draft, Ownership.ParseMode(options.Mode)))
        {
            RandomAccess.Write(handle, image, 0);
        }

        File.Move(draft, _path);
    }

    /// <summary>
    /// A writer that died in <see cref="WriteEntry"/> left seq odd, and readers of that slot spin. Its addresses may be of two
    /// flows: they are cleared, the hint stays.
    /// </summary>
    private void RepairOddSequences()
    {
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            var entry = Entry(slot);
            if ((entry->Seq & 1) != 0)
            {
                Volatile.Write(ref *(uint*)&entry->Source, 0);
                Volatile.Write(ref *(uint*)&entry->Destination, 0);
                Volatile.Write(ref *(ulong*)entry, Word(entry->SupBw, entry->Seq + 1));
                Log.SequenceRepaired(log, slot);
            }
        }
    }
}
