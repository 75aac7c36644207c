using System.Globalization;
using Microsoft.Extensions.Hosting;

namespace MpibAgent.Systemd;

/// <summary>
/// Tells systemd that the agent is alive: twice per WatchdogSec=, from the loop that serves registrations, commands and policies and in its order,
/// so a loop that hangs in any of them is silent. Without WATCHDOG_USEC (sd_watchdog_enabled(3)) it does nothing.
/// </summary>
internal sealed class Watchdog : IHostedService
{
    private readonly EventLoop _loop;
    private readonly NotifySocket _notify;
    private readonly TimeSpan? _period = ReadPeriod();
    private readonly LoopTimer _timer;

    public Watchdog(EventLoop loop, NotifySocket notify)
    {
        _loop = loop;
        _notify = notify;
        _timer = loop.CreateTimer(Feed);
    }

    public Task StartAsync(CancellationToken cancellationToken) =>
        _period is null || !_notify.IsEnabled ? Task.CompletedTask : _loop.InvokeAsync(Feed);

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(_timer.Disarm);

    private void Feed()
    {
        // Not taken means that systemd hangs: then it misses no ping either.
        _ = _notify.TrySend("WATCHDOG=1");
        _timer.Arm(_period!.Value);
    }

    private static TimeSpan? ReadPeriod()
    {
        var pid = Environment.GetEnvironmentVariable("WATCHDOG_PID");
        var forUs = pid is null || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        return forUs && long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture,
            out var microseconds) && microseconds > 0
            ? TimeSpan.FromMicroseconds(microseconds) / 2
            : null;
    }
}
