namespace MpibAgent.Control;

/// <summary>
/// Cuts a stream of bytes into lines. A line longer than <see cref="MaxLine"/> is given as its beginning, marked as too long, once; the rest of it is
/// skipped.
/// </summary>
internal sealed class LineBuffer
{
    /// <summary>Longest line in bytes, without its newline: what a writer can put into a FIFO in one piece (PIPE_BUF).</summary>
    public const int MaxLine = 4096;

    private readonly byte[] _line = new byte[MaxLine];
    private int _length;
    private bool _tooLong;

    /// <summary>Called with each line, and whether it was too long.</summary>
    public delegate void LineHandler(ReadOnlySpan<byte> line, bool tooLong);

    /// <summary>Whether the beginning of a line waits for its end.</summary>
    public bool HasPartialLine => _length > 0;

    public void Add(ReadOnlySpan<byte> bytes, LineHandler handle)
    {
        while (true)
        {
            var end = bytes.IndexOf((byte)'\n');
            Keep(end < 0 ? bytes : bytes[..end]);
            if (end < 0)
            {
                return;
            }

            Flush(handle);
            bytes = bytes[(end + 1)..];
        }
    }

    /// <summary>Takes what there is as a whole line.</summary>
    public void Flush(LineHandler handle)
    {
        var (length, tooLong) = (_length, _tooLong);
        _length = 0;
        _tooLong = false;
        handle(_line.AsSpan(0, length), tooLong);
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        var kept = Math.Min(bytes.Length, MaxLine - _length);
        bytes[..kept].CopyTo(_line.AsSpan(_length));
        _length += kept;
        _tooLong |= kept < bytes.Length;
    }
}
