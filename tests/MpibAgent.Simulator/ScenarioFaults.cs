namespace MpibAgent.Simulator;

/// <summary>What is wrong with a scenario that could be read: every fault, each beginning with its key.</summary>
internal static class ScenarioFaults
{
    // What a run has the memory for, and more than any has needed.
    private const double MostSteps = 1e7;
    private const int MostHosts = 1000, MostFlows = 1000, LargestWindow = 100_000, LongestName = 100;
    private const double LongestPeriodMilliseconds = 3_600_000, FastestGbps = 100_000, LargestMessage = 1e12;

    public static IEnumerable<string> Of(Scenario scenario)
    {
        var faults = new List<string>();
        Expect(scenario.Name.Length is > 0 and <= LongestName && !scenario.Name.Any(letter => letter == '/' || char.IsControl(letter)), "name",
            $"1 to {LongestName} characters, those of a file's name", string.Concat(scenario.Name.Select(letter => char.IsControl(letter) ? '?' : letter)));
        Expect(scenario.Duration > 0, "duration_s", "above 0", scenario.Duration);
        Expect(scenario.StepMilliseconds > 0, "dt_ms", "above 0", scenario.StepMilliseconds);
        if (scenario.Duration > 0 && scenario.StepMilliseconds > 0)
        {
            var steps = Math.Floor(scenario.Duration / (scenario.StepMilliseconds / 1000.0));
            Expect(steps is >= 1 and <= MostSteps, "duration_s", $"1 to {MostSteps:0} steps of dt_ms", steps);
        }

        Expect(scenario.Hosts > 0, "hosts", "at least 1", scenario.Hosts);
        Expect(scenario.Hosts <= MostHosts, "hosts", $"at most {MostHosts}", scenario.Hosts);
        Expect(scenario.Flows.Length > 0, "flows", "at least one", scenario.Flows.Length);
        Expect(scenario.OptimumGbps is null or > 0, "oracle_gbps", "above 0", scenario.OptimumGbps);
        Expect(scenario.Sampling.PeriodMilliseconds > 0, "sampling.period_ms", "above 0", scenario.Sampling.PeriodMilliseconds);
        Expect(scenario.Sampling.PeriodMilliseconds <= LongestPeriodMilliseconds, "sampling.period_ms", $"at most {LongestPeriodMilliseconds}",
            scenario.Sampling.PeriodMilliseconds);
        Expect(scenario.Sampling.RefreshMilliseconds >= 0, "sampling.refresh_ms", "at least 0", scenario.Sampling.RefreshMilliseconds);
        Expect(scenario.Sampling.RefreshShiftMilliseconds >= 0, "sampling.refresh_shift_ms", "at least 0", scenario.Sampling.RefreshShiftMilliseconds);
        Expect(scenario.Sampling.PacketBytes >= 0, "sampling.packet_bytes", "at least 0", scenario.Sampling.PacketBytes);
        Expect(scenario.Sampling.PeriodJitter is >= 0 and <= 1, "sampling.period_jitter", "0 to 1", scenario.Sampling.PeriodJitter);
        Expect(scenario.Sampling.StampNoiseMicroseconds >= 0, "sampling.stamp_noise_us", "at least 0", scenario.Sampling.StampNoiseMicroseconds);
        Expect(scenario.Sampling.RateNoise >= 0, "sampling.rate_noise", "at least 0", scenario.Sampling.RateNoise);
        OfRail(scenario.Rails.Sout, "rails.sout");
        OfRail(scenario.Rails.Sup, "rails.sup");
        var hasBig = scenario.Flows.Any(group => group?.Workload.MessageBytes >= Workload.BigMessage);
        for (var i = 0; i < scenario.Flows.Length; i++)
        {
            if (scenario.Flows[i] is { } flow)
            {
                OfFlow(flow, $"flows[{i}]", hasBig);
            }
            else
            {
                Expect(false, $"flows[{i}]", "an object", "null");
            }
        }

        OfWindows(scenario.Events, "events");
        OfWindows(scenario.Steady, "steady");

        // A limit that is compared with nothing would be met by all.
        OfLimits(scenario.Expect?.MaxConvergenceMilliseconds, "max_conv_ms", scenario.Events.Length, "events");
        OfLimits(scenario.Expect?.MaxShareDeviation, "max_std_r", scenario.Steady.Length, "steady");
        OfLimits(scenario.Expect?.MaxEvacuationMilliseconds, "max_evac_ms", scenario.Deaths.Length, "death");
        return faults;

        void OfLimits(double?[]? limits, string key, int count, string of)
            => Expect(limits is not { Length: > 0 } || limits.Length == count, $"expect.{key}", $"as many as {of}, {count}", limits?.Length);

        // Of one that ends before it begins, or after the run, nothing is ever measured.
        void OfWindows(TimeWindow[] windows, string key)
        {
            for (var i = 0; i < windows.Length; i++)
            {
                var window = windows[i];
                Expect(window.From >= 0 && window.From < window.To && window.To <= scenario.Duration, $"{key}[{i}]", "0 <= t0 < t1 <= duration_s",
                    FormattableString.Invariant($"[{window.From}, {window.To}]"));
            }
        }

        void OfRail(Rail rail, string key)
        {
            Expect(rail.LinkGbps is > 0 and <= FastestGbps, $"{key}.link_gbps", $"above 0, at most {FastestGbps}", rail.LinkGbps);
            Expect(rail.FairFloor is >= 0 and <= 1, $"{key}.fair_floor", "0 to 1", rail.FairFloor);
            Expect(rail.States.Zip(rail.States.Skip(1)).All(pair => pair.First.Time < pair.Second.Time), $"{key}.state", "times that ascend",
                string.Join(", ", rail.States.Select(change => FormattableString.Invariant($"{change.Time}"))));
        }

        void OfFlow(FlowGroup group, string key, bool hasBig)
        {
            var workload = group.Workload;
            Expect(group.Count is > 0 and <= MostFlows, $"{key}.count", $"1 to {MostFlows}", group.Count);
            Expect(group.Start < group.Stop, $"{key}.stop", "above start", group.Stop);
            Expect(group.Host is null || (group.Host >= 0 && group.Host < scenario.Hosts), $"{key}.host", "below hosts", group.Host);
            Expect(workload.Window is > 0 and <= LargestWindow, $"{key}.workload.window", $"1 to {LargestWindow}", workload.Window);
            Expect(workload.MessageBytes is >= 0 and <= LargestMessage, $"{key}.workload.msg_bytes", $"0 to {LargestMessage:0}", workload.MessageBytes);
            Expect(workload.Kind != WorkloadKind.Openloop || workload.OfferedGbps is not null, $"{key}.workload.gbps", "a rate", "none");
            if (workload.Kind == WorkloadKind.Burst)
            {
                Expect(workload.BurstBytes is [> 0, ..] && workload.BurstBytes[0] <= workload.BurstBytes[^1], $"{key}.workload.bytes",
                    "above 0, [lowest, highest]", string.Join(", ", workload.BurstBytes));
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
