using System.Globalization;
using Microsoft.Extensions.Hosting;
using MpibAgent.Policy;
using MpibAgent.Slots;

namespace MpibAgent.Systemd;

/// <summary>
/// The text that `systemctl status` shows: policy, flows, connections. Sent when something has changed, at most five times a second, and
/// never otherwise.
/// </summary>
internal sealed class ServiceStatus : IHostedService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private readonly EventLoop _loop;
    private readonly SlotTable _table;
    private readonly PolicyEngine _policy;
    private readonly NotifySocket _notify;
    private readonly LoopTimer _timer;

    public ServiceStatus(EventLoop loop, SlotTable table, PolicyEngine policy, NotifySocket notify)
    {
        _loop = loop;
        _table = table;
        _policy = policy;
        _notify = notify;
        _timer = loop.CreateTimer(Send);
    }

    public Task StartAsync(CancellationToken cancellationToken) => !_notify.IsEnabled ? Task.CompletedTask : _loop.InvokeAsync(() =>
    {
        _table.Changed += SendSoon;
        Send();
    });

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed -= SendSoon;
        _timer.Disarm();
    });

    private void SendSoon()
    {
        if (!_timer.IsArmed)
        {
            _timer.Arm(Pause);
        }
    }

    private void Send()
    {
        if (!_notify.TrySend(string.Create(CultureInfo.InvariantCulture,
            $"STATUS=policy {_policy.PolicyName}, {_table.FlowCount} flows, {_table.ConnectionCount} connections")))
        {
            _timer.Arm(Retry);
        }
    }
}
