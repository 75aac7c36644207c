using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using MpibAgent.Logging;
using MpibAgent.Tests.Rails;

namespace MpibAgent.Tests.Logging;

public sealed class ComplaintsTests : IAsyncLifetime
{
    private readonly FakeTime _time = new();
    private readonly TestLifetime _lifetime = new();
    private readonly EventLoop _loop;

    public ComplaintsTests() => _loop = new EventLoop(_time, _lifetime, NullLogger<EventLoop>.Instance);

    public async ValueTask InitializeAsync()
    {
        await _loop.StartAsync(TestContext.Current.CancellationToken);
        await _loop.StartedAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _loop.StopAsync(CancellationToken.None);
        _loop.Dispose();
        _lifetime.Dispose();
    }

    [Fact]
    public async Task What_is_left_out_before_a_late_timer_fires_is_counted_too()
    {
        var admitted = 0;
        using var log = new CapturedLog();
        var complaints = new Complaints(_loop, log);
        await _loop.InvokeAsync(() => Complain(25));
        await _loop.InvokeAsync(() =>
        {
            // The loop stood still over the end of the interval, and hears what came meanwhile before it looks at its timers.
            _time.Advance(TimeSpan.FromSeconds(11));
            Complain(25);
        });
        await _loop.InvokeAsync(() => _time.Advance(TimeSpan.FromSeconds(11)));
        await _loop.InvokeAsync(() => { });
        var leftOut = log.Lines.Sum(line => int.Parse(line.Message.Split(' ')[0], CultureInfo.InvariantCulture));
        Assert.Equal((40, 10), (admitted, leftOut));

        void Complain(int times)
        {
            for (var i = 0; i < times; i++)
            {
                admitted += complaints.Admit() ? 1 : 0;
            }
        }
    }
}
