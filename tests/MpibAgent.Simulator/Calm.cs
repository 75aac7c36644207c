namespace MpibAgent.Simulator;

/// <summary>
/// Gives a scenario a quiet end: from then on rates and flows stay as they are, cross traffic is gone, and who offered a rate has always more to send. A policy
/// that is at a wrong split at the end of that will stay there.
/// </summary>
internal static class Calm
{
    /// <summary>The last seconds, in which a policy is measured.</summary>
    public const double Measured = 5;

    /// <summary>The scenario with so many quiet seconds behind it.</summary>
    public static Scenario After(Scenario scenario, double seconds) => scenario with
    {
        Duration = scenario.Duration + seconds,
        Rails = new RailPair { Sout = Settle(scenario.Rails.Sout, scenario.Duration), Sup = Settle(scenario.Rails.Sup, scenario.Duration) },
        Flows = [.. scenario.Flows.Select(flow => Settle(flow, scenario.Duration))],
    };

    /// <summary>Bytes of the first host's flows in the measured seconds.</summary>
    public static double Sent(Scenario scenario, Simulation run)
    {
        var entries = run.Log.Entries;
        var first = entries.Length - 1;
        while (first > 0 && entries[first].Time > scenario.Duration - Measured)
        {
            first--;
        }

        return entries[^1].SoutBytes + entries[^1].SupBytes - entries[first].SoutBytes - entries[first].SupBytes;
    }

    private static Rail Settle(Rail rail, double time) => rail with
    {
        Path = rail.Path is { } path ? new CapacityProfile.Until(time, path, path.At(time)) : null,
        NetCross = rail.NetCross is { } cross ? new CapacityProfile.Until(time, cross, 0) : null,
        HostCross = rail.HostCross is { } own ? new CapacityProfile.Until(time, own, 0) : null,
        States = rail.States.Length == 0 ? [] : [.. rail.States.Where(change => change.Time < time), new StateChange(time, RailState.Up)],
    };

    private static FlowGroup Settle(FlowGroup flow, double time) => flow with
    {
        Stop = 1e9,
        Workload = flow.Workload.Kind == WorkloadKind.Openloop
            ? flow.Workload with { OfferedGbps = new CapacityProfile.Until(time, flow.Workload.OfferedGbps!, 1e6) }
            : flow.Workload,
    };
}
