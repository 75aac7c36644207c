using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Slots;

namespace MpibAgent.Policy;

/// <summary>
/// Asks the policy, at its period and on the loop's thread, for the shares of the flows that have a slot, and has the table write what they
/// encode to. A slot that the operator set is left alone. With no flow, or a policy without a period, it has no timer armed.
/// </summary>
internal sealed class PolicyEngine : IHostedService
{
    private readonly ISplitPolicy _policy;
    private readonly HintOptions _hints;
    private readonly EventLoop _loop;
    private readonly SlotTable _table;
    private readonly ILogger<PolicyEngine> _log;
    private readonly LoopTimer _timer;
    private readonly long _start;
    private readonly int[] _slots = new int[HintLayout.SlotCount];
    private readonly PathLevels[] _paths = new PathLevels[HintLayout.SlotCount];
    private readonly double[] _shares = new double[HintLayout.SlotCount];

    public PolicyEngine(ISplitPolicy policy, HintOptions hints, EventLoop loop, SlotTable table, ILogger<PolicyEngine> log)
    {
        _policy = policy;
        _hints = hints;
        _loop = loop;
        _table = table;
        _log = log;
        _timer = loop.CreateTimer(Decide);
        _start = loop.Time.GetTimestamp();
    }

    /// <summary>The name of the policy in charge.</summary>
    public string PolicyName => _policy.Name;

    public Task StartAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        Log.PolicyStarted(_log, _policy.Name);
        if (_policy.Period is not null)
        {
            _table.Changed += ArmWhileFlowsLast;
            ArmWhileFlowsLast();
        }
    });

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed -= ArmWhileFlowsLast;
        _timer.Disarm();
    });

    private void ArmWhileFlowsLast()
    {
        if (_table.FlowCount == 0)
        {
            _timer.Disarm();
        }
        else if (!_timer.IsArmed)
        {
            _timer.Arm(_policy.Period!.Value);
        }
    }

    private void Decide()
    {
        var count = 0;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            if (_table.TryGetFlow(slot, out _) && _table.SourceOf(slot) != HintSource.Operator)
            {
                _slots[count++] = slot;
            }
        }

        _policy.Decide(new Observation(_loop.Time.GetElapsedTime(_start), default, default), _paths.AsSpan(0, count), _shares.AsSpan(0, count));
        for (var i = 0; i < count; i++)
        {
            if (!double.IsNaN(_shares[i]) && _hints.Encoding.Nearest(_shares[i]) is var hint && hint != _table.HintOf(_slots[i]))
            {
                _table.SetHint(_slots[i], hint, HintSource.Policy);
            }
        }

        ArmWhileFlowsLast();
    }
}
