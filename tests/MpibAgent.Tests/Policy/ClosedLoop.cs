using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

/// <summary>
/// A job and a policy that steers it, without messages: what gets through is what the fuller rail lets through, the counters follow, and the policy reads
/// them as often as it wants to. Everything may be changed while it runs.
/// </summary>
internal sealed class ClosedLoop(ISplitPolicy policy, HintEncoding encoding, int flows, int seed)
{
    private readonly Random _random = new(seed);
    private double[] _shares = new double[flows];
    private double _sout, _sup;

    /// <summary>Both links, bytes per second.</summary>
    public double SoutLink { get; init; } = 1e9;

    /// <inheritdoc cref="SoutLink"/>
    public double SupLink { get; init; } = 1e9;

    /// <summary>Whether the devices say what their links carry.</summary>
    public bool TellsRates { get; init; } = true;

    /// <summary>By how much, of its rate, a rail goes to and fro.</summary>
    public double Noise { get; init; } = 0.01;

    /// <summary>What each path lets through.</summary>
    public double SoutPath { get; set; } = 1e9;

    /// <inheritdoc cref="SoutPath"/>
    public double SupPath { get; set; } = 1e9;

    /// <summary>What the job has to send.</summary>
    public double Demand { get; set; } = double.MaxValue;

    /// <summary>What others send over SOUT.</summary>
    public double Others { get; set; }

    public bool IsSoutUp { get; set; } = true;

    public bool IsSupUp { get; set; } = true;

    /// <summary>Whether SOUT's counter can be read.</summary>
    public bool HasCounter { get; set; } = true;

    /// <summary>Retransmission timers of SUP that ran out; null where they are not counted, on either rail.</summary>
    public ulong? Timeouts { get; set; }

    public PathLevels Levels { get; set; }

    public double Now { get; private set; } = 1;

    /// <summary>Of what could get through, in the last step.</summary>
    public double Goodput { get; private set; }

    /// <summary>The mean over the flows, as their hints have it.</summary>
    public double Share => _shares.Average(share => encoding.Share(encoding.Nearest(share)));

    public string Reason => policy.Reason;

    /// <summary>Other flows come or go; a new one has the mean of the others.</summary>
    public void SetFlows(int count) => _shares = [.. Enumerable.Range(0, count).Select(i => i < _shares.Length ? _shares[i] : _shares.Average())];

    public void Run(double seconds, Action? afterEach = null)
    {
        for (var end = Now + seconds; Now < end;)
        {
            Move(policy.Period!.Value.TotalSeconds);
            Decide();
            afterEach?.Invoke();
        }
    }

    /// <summary>Lets bytes move without a look.</summary>
    public void Move(double seconds)
    {
        var (sout, sup) = (Path(SoutPath, IsSoutUp), Path(SupPath, IsSupUp));
        var throughput = Math.Min(Demand, Math.Min(Share < 1 ? sout / (1 - Share) : double.MaxValue, Share > 0 ? sup / Share : double.MaxValue));
        Goodput = throughput / Math.Min(Demand, sout + sup);
        _sout += seconds * ((throughput * (1 - Share)) + Others);
        _sup += seconds * throughput * Share;
        Now += seconds;
    }

    public void Decide(bool isSample = true) => policy.Decide(
        Seen.At(Now, Rail(IsSoutUp, SoutLink, HasCounter ? _sout : null, 0), Rail(IsSupUp, SupLink, _sup, Timeouts ?? 0)) with { IsSample = isSample, TellsLinks = true },
        Enumerable.Repeat(Levels, _shares.Length).ToArray(), _shares);

    /// <summary>SUP's counter jumps.</summary>
    public void Jump(double bytes) => _sup += bytes;

    private double Path(double rate, bool isUp) => isUp ? rate * (1 + (Noise * ((2 * _random.NextDouble()) - 1))) : 0;

    private RailSample Rail(bool isUp, double link, double? sent, ulong timeouts) => new()
    {
        IsUp = isUp,
        LinkRate = TellsRates ? link : 0,
        TxBytes = sent is { } bytes ? (ulong)bytes : null,
        Timeouts = Timeouts is null ? null : timeouts,
    };
}
