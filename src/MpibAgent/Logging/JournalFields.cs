using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace MpibAgent.Logging;

/// <summary>
/// The bytes of one entry in journald's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), built field by field in a buffer that is
/// kept for the next entry. A text writer, so that a message is rendered straight into its field. Owned by a <see cref="JournalEntry"/>.
/// </summary>
/// <remarks>
/// A field is NAME=value\n, or NAME\n, the length as 64 bits in little-endian order, value\n when the value has a newline: so no value
/// can end its field early and begin another.
/// </remarks>
internal sealed class JournalFields() : TextWriter(CultureInfo.InvariantCulture)
{
    /// <summary>Longer values are cut, and end in "..." beyond this.</summary>
    public const int MaxValueBytes = 64 * 1024;

    private const int StartCapacity = 4 * 1024;

    /// <summary>An entry with a buffer beyond this was a rare one; its memory is given back.</summary>
    private const int KeptCapacity = 256 * 1024;

    private byte[] _bytes = new byte[StartCapacity];
    private int _length;
    private int _valueStart;
    private bool _isCut;

    /// <summary>The entry as it stands; valid until the next call.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <inheritdoc/>
    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>Begins the next entry.</summary>
    public void Clear()
    {
        _length = 0;
        if (_bytes.Length > KeptCapacity)
        {
            _bytes = new byte[StartCapacity];
        }
    }

    /// <summary>Begins a field; what is written until <see cref="End"/> is its value.</summary>
    public void Begin(ReadOnlySpan<byte> name)
    {
        Debug.Assert(name.Length is > 0 and <= JournalFieldName.MaxLength, "journald would ignore the field");
        Put(name);
        Put("="u8);
        _valueStart = _length;
        _isCut = false;
    }

    /// <summary>Ends the field.</summary>
    public void End()
    {
        if (_isCut)
        {
            Put("..."u8);
        }

        if (_bytes.AsSpan(_valueStart, _length - _valueStart).Contains((byte)'\n'))
        {
            MakeBinary();
        }

        Put("\n"u8);
    }

    /// <summary>A whole field.</summary>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<char> value)
    {
        Begin(name);
        Write(value);
        End();
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer)
    {
        if (_isCut)
        {
            return;
        }

        // A UTF-16 unit makes three bytes at most. Lone surrogates become U+FFFD: what leaves here is always UTF-8.
        var left = MaxValueBytes - (_length - _valueStart);
        var free = Free((int)Math.Min(left, buffer.Length * 3L));
        var status = Utf8.FromUtf16(buffer, free[..Math.Min(left, free.Length)], out _, out var written);
        _length += written;
        _isCut = status == OperationStatus.DestinationTooSmall;
    }

    /// <inheritdoc/>
    public override void Write(char value) => Write(new ReadOnlySpan<char>(in value));

    /// <inheritdoc/>
    public override void Write(string? value) => Write(value.AsSpan());

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    private void MakeBinary()
    {
        var length = _length - _valueStart;
        _ = Free(sizeof(ulong));
        _bytes.AsSpan(_valueStart, length).CopyTo(_bytes.AsSpan(_valueStart + sizeof(ulong)));
        _bytes[_valueStart - 1] = (byte)'\n';
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(_valueStart), (ulong)length);
        _length += sizeof(ulong);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Free(bytes.Length));
        _length += bytes.Length;
    }

    /// <summary>The unused rest of the buffer, at least <paramref name="count"/> bytes.</summary>
    private Span<byte> Free(int count)
    {
        if (_bytes.Length - _length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));
        }

        return _bytes.AsSpan(_length);
    }
}
