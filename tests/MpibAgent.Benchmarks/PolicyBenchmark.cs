using BenchmarkDotNet.Attributes;
using MpibAgent.Hints;
using MpibAgent.Policy;

namespace MpibAgent.Benchmarks;

/// <summary>What a decision costs with every slot in use, reading the rails and storing the hints left out.</summary>
public class PolicyBenchmark
{
    private const int Flows = 256;
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    private readonly PathLevels[] _paths = new PathLevels[Flows];
    private readonly double[] _shares = new double[Flows];
    private ISplitPolicy _capacity = null!;
    private ISplitPolicy _adaptive = null!;
    private long _samples;

    /// <summary>Makes both policies.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var catalogue = new PolicyCatalogue(new PolicyOptions(), new HintOptions());
        _capacity = catalogue.Create(CapacityPolicy.PolicyName, double.NaN);
        _adaptive = catalogue.Create(AdaptivePolicy.PolicyName, double.NaN);
    }

    /// <summary>By the ratio of the links.</summary>
    [Benchmark(Description = "a decision of `capacity`, 256 flows")]
    public double Capacity() => Decide(_capacity);

    /// <summary>By the rates.</summary>
    [Benchmark(Description = "a decision of `adaptive`, 256 flows")]
    public double Adaptive() => Decide(_adaptive);

    /// <summary>Rails of 200 and 400 Gb/s that carry 20 and 40 GB/s, give or take a little from sample to sample.</summary>
    private double Decide(ISplitPolicy policy)
    {
        _samples++;
        var sent = (ulong)(_samples * Period.TotalSeconds * 20e9);
        var wobble = (ulong)(_samples % 7 * 100_000);
        policy.Decide(new Observation(_samples * Period, Rail(25e9, sent + wobble), Rail(50e9, (2 * sent) - wobble)), _paths, _shares);
        return _shares[0];
    }

    private static RailSample Rail(double linkRate, ulong bytes) => new() { IsUp = true, LinkRate = linkRate, TxBytes = bytes };
}
