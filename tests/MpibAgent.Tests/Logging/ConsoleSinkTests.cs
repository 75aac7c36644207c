using System.Text;
using MpibAgent.Logging;
using Serilog.Events;
using Serilog.Formatting;

namespace MpibAgent.Tests.Logging;

public sealed class ConsoleSinkTests
{
    [Fact]
    public void Lines_are_held_until_Flush_and_written_at_once_in_UTF_8()
    {
        using var output = new Output();
        using var sink = new ConsoleSink(new ConsoleLine(), output);
        sink.Emit(Events.Of("é漢😀"));
        sink.Emit(Events.Of("second"));
        Assert.Empty(output.Writes);

        sink.Flush();

        Assert.Equal(["20:29:48 info  é漢😀\n20:29:48 info  second\n"], output.Writes);
    }

    [Fact]
    public void A_line_of_any_length_is_written_whole()
    {
        using var output = new Output();
        using var sink = new ConsoleSink(new ConsoleLine(), output);
        var text = string.Concat(Enumerable.Repeat("😀-", 20_000));
        sink.Emit(Events.Of("{Text:l}", ("Text", text)));

        sink.Flush();

        Assert.Equal($"20:29:48 info  {text}\n", string.Concat(output.Writes));
    }

    [Fact]
    public void A_line_that_cannot_be_made_leaves_no_half_of_it()
    {
        using var output = new Output();
        using var sink = new ConsoleSink(new HalfLine(), output);
        sink.Emit(Events.Of("first"));
        Assert.Throws<InsufficientMemoryException>(() => sink.Emit(Events.Of("bad")));
        sink.Emit(Events.Of("last"));

        sink.Flush();

        Assert.Equal(["first\nlast\n"], output.Writes);
    }

    [Fact]
    public void Lines_that_cannot_be_written_are_not_tried_again()
    {
        using var output = new Output { IsFull = true };
        using var sink = new ConsoleSink(new ConsoleLine(), output);
        sink.Emit(Events.Of("first"));
        Assert.Throws<IOException>(sink.Flush);

        output.IsFull = false;
        sink.Emit(Events.Of("second"));
        sink.Flush();

        Assert.Equal(["20:29:48 info  second\n"], output.Writes);
    }

    private sealed class HalfLine : ITextFormatter
    {
        public void Format(LogEvent logEvent, TextWriter output)
        {
            output.Write(logEvent.RenderMessage());
            if (logEvent.RenderMessage() == "bad")
            {
                throw new InsufficientMemoryException();
            }

            output.Write('\n');
        }
    }

    /// <summary>Where each write ends up by itself. It has a disk that can be full.</summary>
    private sealed class Output : MemoryStream
    {
        private readonly Decoder _decoder = new UTF8Encoding(false, throwOnInvalidBytes: true).GetDecoder();

        public bool IsFull { get; set; }

        public List<string> Writes { get; } = [];

        public override bool CanSeek => false;

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (IsFull)
            {
                throw new IOException("the disk is full");
            }

            var text = new char[buffer.Length];
            Writes.Add(new string(text, 0, _decoder.GetChars(buffer, text, flush: false)));
        }
    }
}
