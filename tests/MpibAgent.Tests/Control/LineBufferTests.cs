using System.Text;
using CsCheck;
using MpibAgent.Control;

namespace MpibAgent.Tests.Control;

public sealed class LineBufferTests
{
    [Fact]
    public void However_the_bytes_are_cut_the_lines_are_the_same() =>
        Gen.Select(Gen.String[Gen.Char["ab\n"], 0, 200], Gen.Int[1, 50].Array[1, 20]).Sample((text, cuts) =>
        {
            var buffer = new LineBuffer();
            var lines = new List<string>();
            void Handle(ReadOnlySpan<byte> line, bool tooLong) => lines.Add(Encoding.ASCII.GetString(line));

            var rest = Encoding.ASCII.GetBytes(text).AsSpan();
            for (var i = 0; !rest.IsEmpty; i++)
            {
                var length = Math.Min(cuts[i % cuts.Length], rest.Length);
                buffer.Add(rest[..length], Handle);
                rest = rest[length..];
            }

            Assert.Equal(text.Split('\n')[..^1], lines);
            Assert.Equal(text.Length > 0 && text[^1] != '\n', buffer.HasPartialLine);
            buffer.Flush(Handle);
            Assert.Equal(text.Split('\n'), lines);
            Assert.False(buffer.HasPartialLine);
        });

    [Fact]
    public void An_endless_line_is_told_once_and_the_next_one_is_whole()
    {
        var buffer = new LineBuffer();
        var lines = new List<(int Length, bool TooLong)>();
        void Handle(ReadOnlySpan<byte> line, bool tooLong) => lines.Add((line.Length, tooLong));

        for (var i = 0; i < 1000; i++)
        {
            buffer.Add("no newline anywhere in this"u8, Handle);
        }

        Assert.Empty(lines);
        buffer.Add("\n0 1\n"u8, Handle);
        Assert.Equal([(LineBuffer.MaxLine, true), (3, false)], lines);
    }
}
