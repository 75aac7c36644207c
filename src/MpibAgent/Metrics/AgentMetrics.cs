using System.Diagnostics.Metrics;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Registration;
using MpibAgent.Slots;
using MpibAgent.Status;

namespace MpibAgent.Metrics;

/// <summary>
/// Every instrument of the agent. All but the histogram are observed: the components count for themselves, in plain numbers, and are asked when
/// somebody collects. To be collected on the loop's thread.
/// </summary>
internal sealed class AgentMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "MpibAgent";

    /// <summary>Upper bounds of the histogram's buckets, in seconds.</summary>
    private static readonly double[] Latencies = [20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 200e-3, 1];

    private readonly Meter _meter = new(MeterName, ProgramLine.Version);
    private readonly SlotTable _table;
    private readonly PolicyEngine _policy;
    private readonly HintOptions _hints;

    public AgentMetrics(EventLoop loop, HintOptions hints, SlotTable table, Registrar registrar, RegistrationListener listener, PolicyEngine policy,
        ControlFifo control, StatusFile status)
    {
        (_table, _policy, _hints) = (table, policy, hints);
        var startedAt = loop.Time.GetUtcNow().ToUnixTimeMilliseconds() / 1e3;

        _meter.CreateObservableGauge("mpib.agent.info", () => new Measurement<long>(1, Tag("version", ProgramLine.Version), Tag("policy", policy.PolicyName),
            Tag("start", status.StartReason)), null, "The agent: its version, the policy in charge, and how it started: fresh, restarted, recovered or taken-over.");
        _meter.CreateObservableGauge("mpib.agent.start.time", () => startedAt, "s", "When the agent started, since 1970.");
        _meter.CreateObservableGauge("mpib.agent.adopted.slots", () => (long)table.Counts.AdoptedSlots, null, "Slots that had been given by an earlier agent when this one started.");

        _meter.CreateObservableCounter("mpib.agent.registrations", () => table.Counts.Registrations, null, "Connections registered.");
        _meter.CreateObservableCounter("mpib.agent.deregistrations", () => (Measurement<long>[])
        [
            new(table.Counts.Deregistrations, Tag("cause", "request")),
            new(table.Counts.Ends, Tag("cause", "process_end")),
        ], null, "Connections given up, by a request or with their process.");
        _meter.CreateObservableCounter("mpib.agent.refusals", () => Enum.GetValues<RefusalReason>()
            .Select(reason => new Measurement<long>(registrar.RefusalsFor(reason), Tag("reason", Name(reason)))), null, "Requests answered with an error.");
        RegistrationTime = _meter.CreateHistogram("mpib.agent.registration.duration", "s",
            "From when the agent learns of a registration to its response, the wait for others included.", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = Latencies });
        listener.AnswerTime = RegistrationTime;
        loop.TimesTurns = true;

        _meter.CreateObservableGauge("mpib.agent.slots", () => (long)HintLayout.SlotCount, null, "Slots there are.");
        _meter.CreateObservableGauge("mpib.agent.slots.used", () => (long)table.UsedSlots, null, "Slots that have a flow.");
        _meter.CreateObservableGauge("mpib.agent.flows.sharing", () => (long)table.SharingFlows, null, "Flows that share one slot, for want of others.");
        _meter.CreateObservableGauge("mpib.agent.connections", () => (long)table.ConnectionCount, null, "Connections registered now.");

        _meter.CreateObservableCounter("mpib.agent.hint.writes", () => new[] { HintSource.Initial, HintSource.Operator, HintSource.Policy }
            .Select(source => new Measurement<long>(table.Counts.HintWrites(source), Tag("source", source.Name()))), null,
            "Hints written, by whom they come from; initial: given back with the slot, or reset.");
        _meter.CreateObservableCounter("mpib.agent.command.errors", () => control.Refused, null, "Lines in the control FIFO that were refused.");

        _meter.CreateObservableGauge("mpib.agent.rail.share", Shares, "1", "The part of the bytes that the hints give to a rail, the mean over the slots in use.");
        _meter.CreateObservableCounter("mpib.agent.rail.sent", () => OfRails(rail => rail.TxBytes is { } bytes and <= long.MaxValue ? (long)bytes : null), "By", "Bytes that a rail has sent.");
        _meter.CreateObservableGauge("mpib.agent.rail.up", () => OfRails(rail => rail.IsUp ? 1 : 0), null, "Whether a rail's link is up.");
        _meter.CreateObservableGauge("mpib.agent.rail.link", () => OfRails(rail => rail.LinkRate > 0 ? (long)rail.LinkRate : null), "By/s",
            "The rate of a rail's link; absent where it is not known.");
    }

    /// <summary>How long registrations take.</summary>
    public Histogram<double> RegistrationTime { get; }

    /// <summary>What was seen of the rails for the collection to come; null where none is to be looked at.</summary>
    public Observation? Seen { get; set; }

    /// <summary>Whether <paramref name="instrument"/> is one of these, and not of another agent in this process.</summary>
    public bool Owns(Instrument instrument) => ReferenceEquals(instrument.Meter, _meter);

    public void Dispose() => _meter.Dispose();

    private Measurement<double>[] Shares()
    {
        var sum = 0.0;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            sum += _table.TryGetFlow(slot, out _) ? _hints.Encoding.Share(_table.HintOf(slot)) : 0;
        }

        var share = Math.Round(sum / _table.UsedSlots, 4);
        return _table.UsedSlots == 0 ? [] : [new(Math.Round(1 - share, 4), Tag("rail", "sout")), new(share, Tag("rail", "sup"))];
    }

    private IEnumerable<Measurement<long>> OfRails(Func<RailSample, long?> figure)
    {
        if (Seen is not { } seen)
        {
            yield break;
        }

        foreach (var (rail, sample) in new[] { (_policy.Rails.Sout, seen.Sout), (_policy.Rails.Sup, seen.Sup) })
        {
            if (rail.IsConfigured && figure(sample) is { } value)
            {
                yield return new(value, Tag("rail", rail.Label == "SOUT" ? "sout" : "sup"));
            }
        }
    }

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    private static string Name(RefusalReason reason) => reason switch
    {
        RefusalReason.BadRequest => "bad_request",
        RefusalReason.PidNamespace => "pid_namespace",
        RefusalReason.ProcessEnded => "process_ended",
        RefusalReason.Descriptors => "descriptors",
        RefusalReason.Slots => "slots",
        RefusalReason.SlotsPerUser => "slots_per_user",
        RefusalReason.ConnectionsPerUser => "connections_per_user",
        RefusalReason.ProcessesPerUser => "processes_per_user",
        RefusalReason.StateFile => "state_file",
        _ => "memory",
    };
}
