using System.Runtime.CompilerServices;
using MpibAgent.Logging;
using Serilog;
using Serilog.Configuration;
using Serilog.Events;

namespace MpibAgent.Tests.Logging;

public sealed class BackgroundSinkTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void Events_are_written_in_their_order_by_a_thread_of_its_own()
    {
        var sink = new GatedSink(isOpen: true);
        using (var background = new BackgroundSink(sink, drainTime: Patience))
        {
            Emit(background, 0, 1000);
        }

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"line {i}"), sink.Lines);
        Assert.Equal("mpib-log", sink.ThreadName);
    }

    [Fact]
    public async Task A_sink_that_blocks_does_not_block_Emit_and_what_it_cost_is_told()
    {
        var sink = new GatedSink(isOpen: false);
        using var background = new BackgroundSink(sink, capacity: 10, drainTime: Patience);
        Emit(background, 0, 1);
        await sink.Entered.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        // One is in the sink, ten can wait, and five cannot.
        await Task.Run(() => Emit(background, 1, 15), TestContext.Current.CancellationToken)
            .WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Empty(sink.Lines);
        sink.Open();
        Wait.Until(() => sink.Events.Length == 12);
        Emit(background, 16, 1);
        background.Dispose();

        Assert.Equal(
            [.. Enumerable.Range(0, 11).Select(i => $"line {i}"), "5 log lines were left out: the log could not keep up", "line 16"],
            sink.Lines);
    }

    [Fact]
    public void After_a_burst_what_has_grown_old_meanwhile_is_collected()
    {
        var old = GrownOld();
        using var background = new BackgroundSink(new GatedSink(isOpen: true), drainTime: Patience);
        Assert.True(old.IsAlive);
        Emit(background, 0, 10_000);
        Wait.Until(() => !old.IsAlive);
    }

    [Fact]
    public void Whatever_is_emitted_is_written_or_counted()
    {
        var sink = new GatedSink(isOpen: true);
        using (var background = new BackgroundSink(sink, capacity: 3, drainTime: Patience))
        {
            Parallel.For(0, 4, t => Emit(background, t * 10_000, 10_000));
        }

        var written = sink.Events.Count(e => e.MessageTemplate.Text == "line {Number}");
        var counted = sink.Events.Where(e => e.Properties.ContainsKey("Count")).Sum(e => (long)((ScalarValue)e.Properties["Count"]).Value!);
        Assert.Equal(40_000, written + counted);
    }

    [Fact]
    public void A_sink_that_throws_loses_one_event_and_no_other()
    {
        var sink = new GatedSink(isOpen: true) { Fails = e => e.RenderMessage() == "line 1" };
        using (var background = new BackgroundSink(sink, drainTime: Patience))
        {
            Emit(background, 0, 3);
        }

        Assert.Equal(["line 0", "line 2"], sink.Lines);
    }

    [Fact]
    public async Task Dispose_gives_a_sink_that_hangs_up()
    {
        var sink = new GatedSink(isOpen: false);
        var background = new BackgroundSink(sink, drainTime: TimeSpan.FromMilliseconds(50));
        Emit(background, 0, 100);

        await Task.Run(background.Dispose, TestContext.Current.CancellationToken)
            .WaitAsync(Patience, TestContext.Current.CancellationToken);

        // The thread ends with the event that it was stuck in.
        sink.Open();
        await sink.Disposed.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Single(sink.Lines);
    }

    [Fact]
    public void Lines_that_found_no_memory_are_counted_in_the_log()
    {
        var missing = 3;
        var sink = new GatedSink(isOpen: true) { Fails = _ => missing > 0 && missing-- > 0 ? throw new InsufficientMemoryException() : false };
        using (var background = new BackgroundSink(sink, drainTime: Patience))
        {
            background.CountLost();
            background.CountLost();
            Emit(background, 0, 3);
            Wait.Until(() => sink.Events.Sum(Lines) == 5);
        }

        static long Lines(LogEvent e) => e.Properties.TryGetValue("Count", out var count) ? (long)((ScalarValue)count).Value! : 1;
    }

    [Fact]
    public void What_the_sink_holds_is_flushed_before_the_thread_sleeps_and_within_a_batch()
    {
        var sink = new GatedSink(isOpen: false);
        List<int> flushed = [];
        using var background = new BackgroundSink(sink, () => flushed.Add(sink.Events.Length), drainTime: Patience);
        Emit(background, 0, 1);
        Wait.Until(() => sink.Entered.Task.IsCompleted);
        Emit(background, 1, 20);
        sink.Open();
        Wait.Until(() => sink.Events.Length == 21);
        background.Dispose();

        Assert.Equal([1, 9, 17, 21], flushed);
    }

    [Fact]
    public void Lines_that_a_flush_loses_are_counted_in_the_log()
    {
        var failures = 2;
        var sink = new GatedSink(isOpen: false);
        using var background = new BackgroundSink(sink, () => _ = failures-- > 0 ? throw new IOException("the disk is full") : true, drainTime: Patience);
        Emit(background, 0, 1);
        Wait.Until(() => sink.Entered.Task.IsCompleted);
        Emit(background, 1, 7);
        sink.Open();

        // One line was lost with the first flush, then all eight of the next with the line about it; that one counts for what it told of.
        Wait.Until(() => sink.Events.Length > 9 && Told(sink.Events[^1]) == 8);
        Assert.Equal(1, Told(sink.Events[8]));

        static long Told(LogEvent e) => e.Properties.TryGetValue("Count", out var count) ? (long)((ScalarValue)count).Value! : 0;
    }

    [Fact]
    public void After_Dispose_the_sinks_are_disposed_and_Emit_does_nothing()
    {
        GatedSink first = new(isOpen: true), second = new(isOpen: true);
        var log = new LoggerConfiguration().WriteTo.Sink(new BackgroundSink(LoggerSinkConfiguration.CreateSink(to =>
        {
            to.Sink(first);
            to.Sink(second, LogEventLevel.Warning);
        }))).CreateLogger();
        log.Information("line {Number}", 0);
        log.Dispose();
        log.Dispose();
        log.Information("line {Number}", 1);

        Assert.Equal(["line 0"], first.Lines);
        Assert.Empty(second.Lines);
        Assert.True(first.Disposed.Task.IsCompleted);
        Assert.True(second.Disposed.Task.IsCompleted);
    }

    [Fact]
    public async Task A_journald_that_does_not_read_does_not_block_Emit()
    {
        using var directory = new TempDirectory();
        using var peer = new JournalPeer(directory["socket"]);
        using var background = new BackgroundSink(new JournaldSink(directory["socket"], Patience), capacity: 100, drainTime: Patience);

        await Task.Run(() => Emit(background, 0, 5000), TestContext.Current.CancellationToken)
            .WaitAsync(Patience, TestContext.Current.CancellationToken);

        // Journald wakes up: all that the kernel and the queue held comes in its order, and the count of the rest.
        int last = -1, lines = 0, leftOut = 0;
        while (lines + leftOut < 5000)
        {
            var entry = peer.Receive();
            if (entry.Find(f => f.Name == "MPIB_NUMBER").Value is { } number)
            {
                Assert.InRange(int.Parse(number), last + 1, 4999);
                last = int.Parse(number);
                lines++;
            }
            else
            {
                leftOut += int.Parse(entry.Single(f => f.Name == "MPIB_COUNT").Value);
            }
        }

        Assert.Equal(5000, lines + leftOut);
        Assert.InRange(lines, 100, 4999);
    }

    /// <summary>Garbage that only a full collection takes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference GrownOld()
    {
        var kept = new object();
        GC.Collect();
        GC.Collect();
        var reference = new WeakReference(kept);
        GC.KeepAlive(kept);
        return reference;
    }

    private static void Emit(BackgroundSink background, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            background.Emit(Events.Of("line {Number}", ("Number", i)));
        }
    }
}
