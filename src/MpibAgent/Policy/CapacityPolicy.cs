using MpibAgent.Interface;

namespace MpibAgent.Policy;

/// <summary>
/// Splits in the ratio of the link rates and follows their changes: right where the host's own NICs are the bottleneck, blind to what is behind
/// them. Without both rates the rails count as equal.
/// </summary>
internal sealed class CapacityPolicy(HintEncoding encoding) : ISplitPolicy
{
    public const string PolicyName = "capacity";

    private readonly RateMeter _meter = new();
    private readonly RailGuard _guard = new();
    private double _share = double.NaN;
    private uint _turn;

    public string Name => PolicyName;

    /// <summary>Links go down and change their rates seldom; nothing else is looked at.</summary>
    public TimeSpan? Period { get; } = TimeSpan.FromMilliseconds(50);

    public string Reason { get; private set; } = "starting";

    public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
    {
        Rates rates = default;
        var isMeasured = seen.IsSample && _meter.TryRead(seen, out rates);
        var (sout, sup) = (seen.Sout.LinkRate, seen.Sup.LinkRate);
        var isKnown = sout > 0 && sup > 0;
        if (isMeasured)
        {
            _guard.Note(rates, isKnown ? sout + sup : 0, _share);
        }

        var forced = _guard.Decide(seen);
        var best = isKnown ? sup / (sout + sup) : 0.5;
        if (forced is not null || _guard.Reason.Length == 0 || double.IsNaN(_share))
        {
            _share = forced ?? best;
        }

        Reason = _guard.Reason.Length > 0 ? _guard.Reason
            : isKnown ? FormattableString.Invariant($"links of {sout / 125e6:0.#} and {sup / 125e6:0.#} Gb/s")
            : "a link's rate is not known";
        HintMix.Fill(encoding, new ShareGrid(encoding, shares.Length).Best(_share), _turn, shares);

        // Nothing is slow where nothing moves.
        _turn += isMeasured && isKnown && !_guard.IsBusy ? 0u : 1;
        if (_guard.Reason.Length == 0)
        {
            CongestedPaths.Leave(paths, shares);
        }
    }
}
