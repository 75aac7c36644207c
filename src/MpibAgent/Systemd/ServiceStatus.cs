using System.Globalization;
using Microsoft.Extensions.Hosting;
using MpibAgent.Policy;
using MpibAgent.Slots;

namespace MpibAgent.Systemd;

/// <summary>
/// The text that `systemctl status` shows: policy, flows, connections, the split and why. Sent when something has changed, at most five times a
/// second, and never otherwise.
/// </summary>
internal sealed class ServiceStatus : IHostedService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    // A policy that moves all the time is worth less of systemd's time than a job that comes.
    private static readonly TimeSpan DecisionPause = TimeSpan.FromSeconds(1);

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
        _policy.Decided += SendLater;
        Send();
    });

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed -= SendSoon;
        _policy.Decided -= SendLater;
        _timer.Disarm();
    });

    private void SendSoon() => SendWithin(Pause);

    private void SendLater() => SendWithin(DecisionPause);

    private void SendWithin(TimeSpan pause)
    {
        if (!_timer.IsArmed)
        {
            _timer.Arm(pause);
        }
    }

    private void Send()
    {
        var split = _policy.Reason.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {_policy.MeanShare * 100:0.#}% on SUP ({_policy.Reason})");
        if (!_notify.TrySend(string.Create(CultureInfo.InvariantCulture,
            $"STATUS=policy {_policy.PolicyName}, {_table.FlowCount} flows, {_table.ConnectionCount} connections{split}")))
        {
            _timer.Arm(Retry);
        }
    }
}
