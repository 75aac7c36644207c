using System.Globalization;

namespace MpibAgent.Simulator;

/// <summary>Says in a line what makes a scenario hard.</summary>
internal static class ScenarioText
{
    public static string Of(Scenario scenario)
    {
        var parts = new List<string> { OfRail("SOUT", scenario.Rails.Sout), OfRail("SUP", scenario.Rails.Sup) };
        if (scenario.Hosts > 1)
        {
            parts.Add($"{scenario.Hosts} hosts{(scenario.SharedPath ? " on one path" : "")}");
        }

        parts.AddRange(scenario.Flows.Select(OfFlows));
        parts.Add(OfSampling(scenario.Sampling));
        parts.Add(OfSignals(scenario.Signals));
        return string.Join("; ", parts.Where(part => part.Length > 0));
    }

    private static string OfRail(string name, Rail rail)
    {
        var text = Text($"{name} {rail.LinkGbps:0.#}");
        text += rail.Path is null ? "" : $", path {rail.Path}";
        text += rail.NetCross is null ? "" : Text($", cross {rail.NetCross} (floor {rail.FairFloor})");
        text += rail.HostCross is null ? "" : $", host's own {rail.HostCross}";
        return text + string.Concat(rail.States.Select(change => Text($", {change.State.ToString().ToLowerInvariant()} {change.Time:0.0}s")));
    }

    private static string OfFlows(FlowGroup group)
    {
        var work = group.Workload;
        var text = Text($"{group.Count} x ") + work.Kind switch
        {
            WorkloadKind.Burst => Text($"burst {work.BurstBytes[0] / 1e6:0} MB / {work.ComputeMilliseconds[1]:0} ms"),
            WorkloadKind.Openloop => $"open loop {work.OfferedGbps}",
            _ => "stream",
        };
        text += work.MessageBytes >= Workload.BigMessage ? Text($" of {work.MessageBytes / 1048576:0} MiB messages") : "";
        text += group.Limit.Sout is null ? "" : $", at most {group.Limit.Sout} on SOUT";
        text += group.Limit.Sup is null ? "" : $", at most {group.Limit.Sup} on SUP";
        text += group.Start > 0 ? Text($", from {group.Start:0.0}s") : "";
        return text + (group.Stop < 1e9 ? Text($", to {group.Stop:0.0}s") : "");
    }

    private static string OfSampling(Sampling sampling)
    {
        var text = Text($"noise {sampling.RateNoise * 100:0.#} %, stamps {sampling.StampNoiseMicroseconds} us");
        text += sampling.PeriodMilliseconds == 5 ? "" : Text($", every {sampling.PeriodMilliseconds} ms");
        text += sampling.RefreshMilliseconds > 0 ? Text($", refreshed every {sampling.RefreshMilliseconds:0.#} ms") : "";
        text += sampling.Missing.Length > 0 ? ", reads missing" : "";
        return text + (sampling.Resets.Length > 0 ? ", a reset" : "");
    }

    private static string OfSignals(SignalSet signals) => string.Join(' ', new[]
    {
        signals.Telemetry ? "telemetry" : "",
        signals.FlowTelemetry ? "flow-telemetry" : "",
        signals.Notifications ? "cnp" : "",
        signals.Wait ? "wait" : "",
        signals.Timeouts ? "err" : "",
    }.Where(name => name.Length > 0));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
