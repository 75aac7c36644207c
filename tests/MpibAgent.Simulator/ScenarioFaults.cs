namespace MpibAgent.Simulator;

/// <summary>What is wrong with a scenario that could be read: every fault, each beginning with its key.</summary>
internal static class ScenarioFaults
{
    public static IEnumerable<string> Of(Scenario scenario)
    {
        var faults = new List<string>();
        Expect(scenario.Duration > 0, "duration_s", "above 0", scenario.Duration);
        Expect(scenario.StepMilliseconds > 0, "dt_ms", "above 0", scenario.StepMilliseconds);
        Expect(scenario.Hosts > 0, "hosts", "at least 1", scenario.Hosts);
        Expect(scenario.Flows.Length > 0, "flows", "at least one", scenario.Flows.Length);
        Expect(scenario.Sampling.PeriodMilliseconds > 0, "sampling.period_ms", "above 0", scenario.Sampling.PeriodMilliseconds);
        Expect(scenario.Sampling.RefreshMilliseconds >= 0, "sampling.refresh_ms", "at least 0", scenario.Sampling.RefreshMilliseconds);
        Expect(scenario.Sampling.PacketBytes >= 0, "sampling.packet_bytes", "at least 0", scenario.Sampling.PacketBytes);
        OfRail(scenario.Rails.Sout, "rails.sout");
        OfRail(scenario.Rails.Sup, "rails.sup");
        var hasBig = scenario.Flows.Any(group => group.Workload.MessageBytes >= Workload.BigMessage);
        for (var i = 0; i < scenario.Flows.Length; i++)
        {
            OfFlow(scenario.Flows[i], $"flows[{i}]", hasBig);
        }

        return faults;

        void OfRail(Rail rail, string key)
        {
            Expect(rail.LinkGbps > 0, $"{key}.link_gbps", "above 0", rail.LinkGbps);
            Expect(rail.FairFloor is >= 0 and <= 1, $"{key}.fair_floor", "0 to 1", rail.FairFloor);
        }

        void OfFlow(FlowGroup group, string key, bool hasBig)
        {
            var workload = group.Workload;
            Expect(group.Count > 0, $"{key}.count", "at least 1", group.Count);
            Expect(group.Host is null || (group.Host >= 0 && group.Host < scenario.Hosts), $"{key}.host", "below hosts", group.Host);
            Expect(workload.Window > 0, $"{key}.workload.window", "at least 1", workload.Window);
            if (workload.Kind == WorkloadKind.Burst)
            {
                Expect(workload.BurstBytes is [> 0, ..], $"{key}.workload.bytes", "above 0", workload.BurstBytes.FirstOrDefault());
                Expect(
                    workload.ComputeMilliseconds is [>= 0 and var low, var high] && low <= high,
                    $"{key}.workload.compute_ms",
                    "[lowest, highest]",
                    string.Join(", ", workload.ComputeMilliseconds));
            }

            // Messages that are simulated one by one share the rails' queues; a flow that is a mere rate has no place in those.
            if (hasBig)
            {
                Expect(workload.MessageBytes > 0, $"{key}.workload.msg_bytes", "above 0 beside flows of big messages", workload.MessageBytes);
                Expect(workload.Kind != WorkloadKind.Openloop, $"{key}.workload.kind", "stream or burst beside flows of big messages", workload.Kind);
            }
        }

        void Expect(bool isMet, string key, string expected, object? got)
        {
            if (!isMet)
            {
                faults.Add(FormattableString.Invariant($"{key}: expected {expected}, got {got}"));
            }
        }
    }
}
