using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent.Telemetry;

/// <summary>
/// The last sequence of each sender, so that no report counts twice and none after a later one. With a key it is also kept in a file, so that
/// what was captured before a restart does not count after it. On the loop's thread; made and owned by <see cref="TelemetryListener"/>.
/// </summary>
/// <remarks>
/// The file: 16 bytes of header (the bytes MPIBSEQS, u32 version 1, u32 zero), then <see cref="Capacity"/> records of {u32 sender, u32 1, u64 sequence}, all
/// zero where there is none. Each is written by one pwrite(2) of a page that is there already, which a kill of the agent does not cut in two.
/// </remarks>
internal sealed class SenderSequences : IDisposable
{
    /// <summary>As many senders as are remembered.</summary>
    public const int Capacity = 1024;

    private const int HeaderSize = 16;
    private const int RecordSize = 16;
    private const ulong Magic = 0x53514553_4249504D;
    private const uint Version = 1;

    // Without a key anybody on this host can take a sender's name, and so all of them: those that are silent make room.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    private readonly Dictionary<uint, int> _index = new(Capacity);
    private readonly Record[] _records = new Record[Capacity];
    private readonly TimeProvider _time;
    private readonly string? _path;
    private readonly ILogger _log;
    private SafeFileHandle? _file;

    /// <param name="time">The clock.</param>
    /// <param name="path">The file that keeps them; null when reports are not signed, so that remembering them proves nothing.</param>
    /// <param name="log">Where trouble with the file is told.</param>
    public SenderSequences(TimeProvider time, string? path, ILogger log)
    {
        _time = time;
        _path = path;
        _log = log;
    }

    /// <summary>Where they are kept, in the directory of the state file.</summary>
    public static string PathIn(string directory) => Path.Combine(directory, "telemetry");

    /// <summary>Takes over what an earlier agent left.</summary>
    /// <exception cref="Fault">The file is somebody else's, or cannot be made.</exception>
    public void Open()
    {
        if (_path is null)
        {
            return;
        }

        _file = Ownership.Open(_path, UnixFileType.Regular, FileAccess.ReadWrite);
        if (_file is null || !TryRead())
        {
            Create();
        }
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>Whether this sequence is higher than the last of this sender; it is the last from now on.</summary>
    public Refusal Advance(uint sender, ulong sequence)
    {
        if (!_index.TryGetValue(sender, out var index))
        {
            index = _index.Count < Capacity ? _index.Count : FindSilent();
            if (index < 0)
            {
                return Refusal.TableFull;
            }

            if (sequence == 0)
            {
                return Refusal.Replayed;
            }

            if (_index.Count == Capacity)
            {
                _index.Remove(_records[index].Sender);
            }

            _index.Add(sender, index);
            _records[index] = new Record { Sender = sender };
        }

        ref var record = ref _records[index];
        if (sequence <= record.Sequence)
        {
            return Refusal.Replayed;
        }

        record.Sequence = sequence;
        record.LastHeard = _time.GetTimestamp();
        Keep(index);
        return Refusal.None;
    }

    /// <summary>Signed reports are never forgotten, since a forgotten one counts again; their senders know the key, and are as many as they are.</summary>
    private int FindSilent()
    {
        for (var i = 0; i < Capacity && _path is null; i++)
        {
            if (_time.GetElapsedTime(_records[i].LastHeard) > Silence)
            {
                return i;
            }
        }

        return -1;
    }

    private void Keep(int index)
    {
        if (_file is null)
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[RecordSize];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, _records[index].Sender);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], _records[index].Sequence);
        try
        {
            RandomAccess.Write(_file, bytes, HeaderSize + (index * RecordSize));
        }
        catch (IOException fault)
        {
            // Reports go on; what is lost is that they are known after a restart.
            Log.SequencesNotKept(_log, _path!, fault.Message);
            _file.Dispose();
            _file = null;
        }
    }

    private bool TryRead()
    {
        var bytes = new byte[HeaderSize + (Capacity * RecordSize) + 1];
        var length = RandomAccess.Read(_file!, bytes, 0);
        if (length != bytes.Length - 1 || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)) != Version)
        {
            _file!.Dispose();
            Log.SequencesSetAside(_log, _path!, Ownership.MoveAside(_path!));
            return false;
        }

        for (var i = 0; i < Capacity; i++)
        {
            var record = bytes.AsSpan(HeaderSize + (i * RecordSize), RecordSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(record[4..]) == 0
                || !_index.TryAdd(BinaryPrimitives.ReadUInt32LittleEndian(record), i))
            {
                // Records are written from the first on and never taken away.
                break;
            }

            _records[i] = new Record
            {
                Sender = BinaryPrimitives.ReadUInt32LittleEndian(record),
                Sequence = BinaryPrimitives.ReadUInt64LittleEndian(record[8..]),
            };
        }

        return true;
    }

    private void Create()
    {
        var draft = Ownership.DraftOf(_path!);
        File.Delete(draft);
        _file = Ownership.Create(draft, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var bytes = new byte[HeaderSize + (Capacity * RecordSize)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Version);
        try
        {
            RandomAccess.Write(_file, bytes, 0);
        }
        catch (IOException full)
        {
            File.Delete(draft);
            throw new Fault($"cannot write {_path}: {full.Message}; make room on its file system", full);
        }

        File.Move(draft, _path!);
    }

    private struct Record
    {
        public uint Sender;
        public ulong Sequence;
        public long LastHeard;
    }
}
