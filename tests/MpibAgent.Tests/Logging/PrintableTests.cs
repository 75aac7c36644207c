using System.Globalization;
using CsCheck;
using MpibAgent.Logging;

namespace MpibAgent.Tests.Logging;

public sealed class PrintableTests
{
    [Theory]
    [InlineData(new byte[0], "")]
    [InlineData(new byte[] { 0x20, 0x7E, 0x7F, 0x80, 0xFF, 0x00, 0x0A, 0x1B }, @" ~\x7f\x80\xff\x00\x0a\x1b")]
    [InlineData(new byte[] { 0x5C, 0x78, 0x30, 0x30 }, @"\\x00")]
    [InlineData(new byte[] { 0xC3, 0xA9 }, @"\xc3\xa9")]
    public void Bytes_become_text(byte[] bytes, string text) => Assert.Equal(text, Printable.Escape(bytes));

    [Fact]
    public void Long_text_is_cut_and_tells_its_length()
    {
        Assert.Equal(new string('a', 80), Printable.Escape(Bytes(80)));
        Assert.Equal(new string('a', 80) + "... (81 bytes)", Printable.Escape(Bytes(81)));
        Assert.Equal("aaa... (100000 bytes)", Printable.Escape(Bytes(100_000), 3));
        Assert.Equal("... (1 bytes)", Printable.Escape(Bytes(1), 0));

        static byte[] Bytes(int count) => [.. Enumerable.Repeat((byte)'a', count)];
    }

    [Fact]
    public void Any_bytes_are_printable_and_can_be_read_back() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        var text = Printable.Escape(bytes, 200);

        Assert.All(text, c => Assert.InRange(c, ' ', '~'));
        Assert.Equal(bytes, Unescape(text));
    });

    private static List<byte> Unescape(string text)
    {
        var bytes = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                bytes.Add((byte)text[i]);
            }
            else if (text[++i] == '\\')
            {
                bytes.Add((byte)'\\');
            }
            else
            {
                Assert.Equal('x', text[i]);
                bytes.Add(byte.Parse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                i += 2;
            }
        }

        return bytes;
    }
}
