namespace MpibAgent.Simulator;

/// <content>How the rails' capacity becomes bytes sent.</content>
internal sealed partial class Simulation
{
    /// <summary>Rounds in which messages that are delivered within a step are replaced.</summary>
    private const int BigMessageRounds = 4;

    private const double Unlimited = 1e18;

    private readonly FlowState[] _active;
    private readonly MaxMinShare _maxMin;

    /// <summary>Bytes that a host may still send in this step: host * 2 + rail.</summary>
    private readonly double[] _budgets;

    /// <summary>
    /// Messages far shorter than a sampling period: a flow is one rate, coupled over both rails by its share, since its next message waits for
    /// both parts of this one.
    /// </summary>
    private void SendSmallMessages(double time)
    {
        var active = 0;
        foreach (var flow in _flows)
        {
            flow.Rate = 0;
            if (flow.IsActive(time) && (flow.Kind != WorkloadKind.Burst || flow.Communicates(time)))
            {
                flow.Demand = flow.Kind switch
                {
                    WorkloadKind.Burst => flow.Remaining / _step,
                    WorkloadKind.Openloop => flow.Offered.At(time) * TwoRails.Gbps,
                    _ => Unlimited,
                };
                _active[active++] = flow;
            }
        }

        var sending = _active.AsSpan(0, active);
        if (_flows.Length > 1)
        {
            _maxMin.Apply(sending, _nic, _noisyPath, time);
        }
        else if (active == 1)
        {
            sending[0].Rate = RateAlone(sending[0], time);
        }

        foreach (var flow in sending)
        {
            Deliver(flow, time);
        }
    }

    private double RateAlone(FlowState flow, double time)
    {
        var rate = flow.Demand;
        for (var rail = 0; rail < 2; rail++)
        {
            if (flow.ShareOf(rail) is > 0 and var part)
            {
                rate = Math.Min(rate, Math.Min(Math.Min(_nic[rail], _noisyPath[rail]), flow.Limits[rail].At(time) * TwoRails.Gbps) / part);
            }
        }

        return rate;
    }

    private void Deliver(FlowState flow, double time)
    {
        var bytes = flow.Rate * _step;
        flow.Delivered += bytes;
        var host = _hosts[flow.Host];
        for (var rail = 0; rail < 2; rail++)
        {
            host.FlowBytes[rail] += bytes * flow.ShareOf(rail);
            host.TxBytes[rail] += bytes * flow.ShareOf(rail);
        }

        if (flow.Kind == WorkloadKind.Burst)
        {
            flow.Remaining -= bytes;
            if (flow.Remaining <= 1)
            {
                flow.Compute(time + _step);
            }
        }
    }

    /// <summary>Messages that take long: each is split when it is posted, and its parts wait in the rails' queues.</summary>
    private void SendBigMessages(double time)
    {
        foreach (var flow in _flows)
        {
            flow.Rate = 0;
            Post(flow, time);
        }

        foreach (var host in _hosts)
        {
            for (var rail = 0; rail < 2; rail++)
            {
                var path = _scenario.SharedPath ? _noisyPath[rail] / _hosts.Length : _noisyPath[rail];
                _budgets[(2 * host.Index) + rail] = Math.Min(_nic[rail], path) * _step;
            }
        }

        for (var round = 0; round < BigMessageRounds; round++)
        {
            var moved = 0.0;
            foreach (var host in _hosts)
            {
                moved += SendQueued(host, TwoRails.Sout, time) + SendQueued(host, TwoRails.Sup, time);
            }

            foreach (var flow in _flows)
            {
                Complete(flow, time);
            }

            if (moved <= 0)
            {
                break;
            }
        }

        FailOver(TwoRails.Sout);
        FailOver(TwoRails.Sup);
    }

    private static void Post(FlowState flow, double time)
    {
        if (!flow.IsActive(time) || !flow.Communicates(time))
        {
            return;
        }

        while (!flow.Messages.IsFull)
        {
            var size = flow.MessageBytes;
            if (flow.Kind == WorkloadKind.Burst)
            {
                if (flow.Remaining < 1)
                {
                    break;
                }

                size = Math.Min(size, flow.Remaining);
                flow.Remaining -= size;
            }

            flow.Messages.Post(size, flow.Share);
        }
    }

    /// <summary>Gives each flow that waits for a rail of a host the same part of what is left of the rail.</summary>
    private double SendQueued(HostState host, int rail, double time)
    {
        ref var budget = ref _budgets[(2 * host.Index) + rail];
        var waiting = 0;
        foreach (var flow in host.Flows)
        {
            waiting += flow.Messages.HasLeft(rail) ? 1 : 0;
        }

        if (waiting == 0 || budget <= 0)
        {
            return 0;
        }

        var moved = 0.0;
        var each = budget / waiting;
        foreach (var flow in host.Flows)
        {
            if (flow.Messages.HasLeft(rail))
            {
                var sent = flow.Messages.Send(rail, Math.Min(each, flow.Limits[rail].At(time) * TwoRails.Gbps * _step));
                flow.Rate += sent / _step;
                moved += sent;
            }
        }

        budget -= moved;
        host.TxBytes[rail] += moved;
        host.FlowBytes[rail] += moved;
        return moved;
    }

    private void Complete(FlowState flow, double time)
    {
        flow.Delivered += flow.Messages.TakeDelivered();
        Post(flow, time);
        if (flow.Kind == WorkloadKind.Burst && !flow.IsComputing && flow.Remaining < 1 && flow.Messages.Count == 0)
        {
            flow.Compute(time + _step);
        }
    }

    /// <summary>The plugin moves what is stuck on a rail that is not up.</summary>
    private void FailOver(int rail)
    {
        if (_state[rail] == RailState.Up)
        {
            return;
        }

        foreach (var flow in _flows)
        {
            if (!flow.Messages.HasLeft(rail))
            {
                flow.Stuck = 0;
                continue;
            }

            flow.Stuck += _step;
            if (flow.Stuck > _scenario.FailoverMilliseconds / 1000.0)
            {
                flow.Messages.MoveFrom(rail);
                flow.Stuck = 0;
            }
        }
    }
}
