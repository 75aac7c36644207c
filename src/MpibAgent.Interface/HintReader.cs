using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MpibAgent.Interface;

/// <summary>
/// A read-only mapping of the hint region, read as the plugin reads it. Owns the mapping; any thread may read, but none while
/// another disposes of it. The path is looked at once, when the reader is made.
/// </summary>
public sealed unsafe class HintReader : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _base;

    /// <summary>Maps the region.</summary>
    /// <exception cref="InvalidDataException">The file is no hint region.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public HintReader(string path = HintLayout.DefaultPath)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var length = RandomAccess.GetLength(handle);
        if (length != HintLayout.RegionSize)
        {
            throw new InvalidDataException($"{path}: expected {HintLayout.RegionSize} bytes, found {length}");
        }

        _file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, HintLayout.RegionSize, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _base);
        var (magic, slots) = (Volatile.Read(ref Unsafe.AsRef<uint>(_base)), Volatile.Read(ref Unsafe.AsRef<uint>(_base + sizeof(uint))));
        if (magic != HintLayout.Magic || slots != HintLayout.SlotCount)
        {
            Dispose();
            throw new InvalidDataException($"{path}: expected the magic {HintLayout.Magic:x8} and {HintLayout.SlotCount} slots, found {magic:x8} and {slots}");
        }
    }

    /// <summary>The whole entry of a slot, consistent in itself. Spins while a writer is in the middle of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="slot"/> is not 0 to 255.</exception>
    public HintEntry Read(int slot)
    {
        var spin = default(SpinWait);
        HintEntry entry;
        while (!TryReadOnce(slot, out entry))
        {
            spin.SpinOnce();
        }

        return entry;
    }

    /// <summary>The same, but gives up after so many attempts: when a writer died in the middle, the wait would be for the agent's next start.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="slot"/> is not 0 to 255.</exception>
    public bool TryRead(int slot, int attempts, out HintEntry entry)
    {
        var spin = default(SpinWait);
        while (!TryReadOnce(slot, out entry))
        {
            if (--attempts <= 0)
            {
                return false;
            }

            spin.SpinOnce();
        }

        return true;
    }

    private bool TryReadOnce(int slot, out HintEntry copy)
    {
        ObjectDisposedException.ThrowIf(_base == null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, HintLayout.SlotCount);
        ref var entry = ref Unsafe.AsRef<HintEntry>(_base + HintLayout.HeaderSize + (slot * HintLayout.EntrySize));

        // The acquire keeps the data reads after the first look at seq; the barrier keeps them before the second.
        var seq = Volatile.Read(ref entry.Seq);
        copy = new HintEntry
        {
            SupBw = Volatile.Read(ref entry.SupBw),
            Seq = seq,
            Source = new Ipv4Address(Volatile.Read(ref Unsafe.As<Ipv4Address, uint>(ref entry.Source))),
            Destination = new Ipv4Address(Volatile.Read(ref Unsafe.As<Ipv4Address, uint>(ref entry.Destination))),
        };
        Interlocked.MemoryBarrier();
        return (seq & 1) == 0 && Volatile.Read(ref entry.Seq) == seq;
    }

    /// <summary>Unmaps the region.</summary>
    public void Dispose()
    {
        if (_base == null)
        {
            return;
        }

        _base = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
