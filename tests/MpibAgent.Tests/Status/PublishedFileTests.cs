using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using MpibAgent.Status;

namespace MpibAgent.Tests.Status;

public sealed class PublishedFileTests
{
    /// <summary>As of an agent that gets hardly any of a crowded core: so long a text takes no longer than this to be followed by the next.</summary>
    [Fact]
    public async Task One_that_took_long_is_followed_by_the_next_before_a_reader_takes_it_for_stuck()
    {
        using var files = new TempDirectory();
        using var lifetime = new TestLifetime();
        using var loop = new EventLoop(TimeProvider.System, lifetime, NullLogger<EventLoop>.Instance);
        await loop.StartAsync(TestContext.Current.CancellationToken);
        await loop.StartedAsync(TestContext.Current.CancellationToken);
        var written = 0;
        using var file = new PublishedFile(files["f"], TimeSpan.Zero, loop, Compose, Assert.Fail, () => { });
        await loop.InvokeAsync(file.Begin);
        await loop.InvokeAsync(file.WriteSoon);
        Wait.Until(() => Volatile.Read(ref written) == 2);

        // A hundred times its two seconds would be later than any wait here.
        await loop.InvokeAsync(file.WriteSoon);
        Wait.Until(() => Volatile.Read(ref written) == 3);
        await loop.StopAsync(CancellationToken.None);

        bool Compose(ArrayBufferWriter<byte> output)
        {
            if (written == 1)
            {
                Thread.Sleep(TimeSpan.FromSeconds(2));
            }

            output.Write("text"u8);
            Volatile.Write(ref written, written + 1);
            return true;
        }
    }
}
