using MpibAgent.Logging;
using Serilog;

namespace MpibAgent.Tests.Logging;

public sealed class JournaldSinkTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly string _path;

    public JournaldSinkTests() => _path = _directory["socket"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_event_arrives_as_one_entry()
    {
        using var peer = new JournalPeer(_path);
        using var sink = new JournaldSink(_path);

        sink.Emit(Events.Of("slot {Slot}", ("Slot", 5)));

        Assert.Equal([("MESSAGE", "slot 5"), ("PRIORITY", "6"), ("SYSLOG_IDENTIFIER", "mpib-agent"), ("MPIB_SLOT", "5")], peer.Receive());
        Assert.False(peer.CameAsFile);
    }

    [Fact]
    public void An_entry_too_large_for_a_datagram_arrives_as_a_sealed_file()
    {
        using var peer = new JournalPeer(_path);
        using var sink = new JournaldSink(_path);
        var parts = Enumerable.Range(0, 5).Select(i => ($"Part{i}", (object?)new string((char)('a' + i), 60_000))).ToArray();

        sink.Emit(Events.Of("large", parts));
        sink.Emit(Events.Of("small"));

        Assert.Equal(parts.Select(p => ("MPIB_" + p.Item1.ToUpperInvariant(), (string)p.Item2!)), peer.Receive()[3..]);
        Assert.True(peer.CameAsFile);
        Assert.Equal("small", peer.ReceiveMessage());
        Assert.False(peer.CameAsFile);
    }

    [Fact]
    public void A_journald_that_dies_and_comes_back_is_told_what_it_missed()
    {
        using var sink = new JournaldSink(_path);
        using (var first = new JournalPeer(_path))
        {
            sink.Emit(Events.Of("before"));
            Assert.Equal("before", first.ReceiveMessage());
        }

        sink.Emit(Events.Of("refused: the path is there, and nobody behind it"));
        File.Delete(_path);
        sink.Emit(Events.Of("not found"));

        using var second = new JournalPeer(_path);
        sink.Emit(Events.Of("after"));
        sink.Emit(Events.Of("and on"));
        var notice = second.Receive();
        Assert.Equal(("MESSAGE", "2 log lines were left out: journald did not take them"), notice[0]);
        Assert.Contains(("PRIORITY", "4"), notice);
        Assert.Contains(("MPIB_COUNT", "2"), notice);
        Assert.Contains(("MPIB_EVENT", "log-lines-left-out"), notice);
        Assert.Contains(("MESSAGE_ID", "1f6f1607f3f04ae1b17b94a070ee0384"), notice);
        Assert.Equal("after", second.ReceiveMessage());
        Assert.Equal("and on", second.ReceiveMessage());
    }

    [Fact]
    public void A_line_that_stands_for_many_counts_as_many_where_journald_misses_it()
    {
        using var sink = new JournaldSink(_path);
        sink.Emit(Events.Of("nobody listens"));
        sink.Emit(LeftOut.Line(TimeProvider.System, 500, "the log could not keep up"));

        using var peer = new JournalPeer(_path);
        sink.Emit(Events.Of("after"));
        Assert.Equal("501 log lines were left out: journald did not take them", peer.ReceiveMessage());
    }

    [Fact]
    public async Task A_journald_that_does_not_read_holds_an_event_up_for_a_limited_time()
    {
        using var peer = new JournalPeer(_path);
        using var sink = new JournaldSink(_path, TimeSpan.FromMilliseconds(20));

        // The kernel queues a few datagrams for a peer that does not read (net.unix.max_dgram_qlen). 100 KiB each fill any queue.
        await Task.Run(() =>
        {
            for (var i = 0; i < 20; i++)
            {
                sink.Emit(Events.Of("{Number} {Text}", ("Number", i), ("Text", new string('x', 50_000))));
            }
        }, TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        var taken = 0;
        while (peer.HasMore)
        {
            Assert.Contains(("MPIB_NUMBER", $"{taken++}"), peer.Receive());
        }

        Assert.InRange(taken, 1, 19);
        sink.Emit(Events.Of("after"));
        Assert.Equal($"{20 - taken} log lines were left out: journald did not take them", peer.ReceiveMessage());
        Assert.Equal("after", peer.ReceiveMessage());
    }

    [Fact]
    public void Nothing_is_thrown_at_the_one_who_logs()
    {
        var sink = new JournaldSink(_path);
        sink.Emit(Events.Of("{Value}", ("Value", new Unspeakable())));
        sink.Emit(Events.Of("nobody listens"));
        sink.Dispose();
        sink.Emit(Events.Of("closed"));
    }

    [Fact]
    public void A_path_that_no_socket_can_have_is_refused_at_once()
    {
        var error = Assert.Throws<ArgumentException>(() => new JournaldSink("/" + new string('p', 107)));
        Assert.Contains("1 to 107 bytes", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new JournaldSink(""));
    }

    [Fact]
    public void To_wait_for_ever_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new JournaldSink(_path, TimeSpan.Zero));
    }

    [Fact]
    public void A_logger_can_write_to_journald_in_the_background()
    {
        using var peer = new JournalPeer(_path);
        using (var log = new LoggerConfiguration().WriteTo.Sink(new BackgroundSink(new JournaldSink(_path))).CreateLogger())
        {
            log.Information("slot {Slot}", 1);
            log.Information("slot {Slot}", 2);
        }

        Assert.Equal("slot 1", peer.ReceiveMessage());
        Assert.Equal("slot 2", peer.ReceiveMessage());
    }

    private sealed class Unspeakable
    {
        public override string ToString() => throw new InvalidOperationException("no words");
    }
}
