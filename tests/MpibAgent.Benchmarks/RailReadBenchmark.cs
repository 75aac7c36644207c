using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using MpibAgent.Rails;

namespace MpibAgent.Benchmarks;

/// <summary>What a look at both rails costs: real files of the kernel, of two network interfaces.</summary>
public class RailReadBenchmark : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    private RailPair _pair = null!;

    /// <summary>Opens the rails: MPIB_BENCH_SOUT and MPIB_BENCH_SUP of MPIB_BENCH_SYS, or the loopback interface twice.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _pair = new RailPair(
            new RailOptions { Sout = Variable("SOUT") ?? "lo", Sup = Variable("SUP") ?? "lo", SysRoot = Variable("SYS") ?? "/sys" },
            TimeProvider.System, NullLogger<RailPair>.Instance);

        // The first reading takes its time; any is good here.
        if (_pair.Read(TimeSpan.FromHours(1)).Sample is not { Sout.TxBytes: not null, Sup.TxBytes: not null })
        {
            throw new InvalidOperationException("the rails cannot be read");
        }
    }

    /// <summary>And closes them.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _pair.Dispose();
    }

    /// <summary>One observation.</summary>
    [Benchmark(Description = "a look at both rails: counters and state")]
    public bool Read() => _pair.Read(Period).Sample.Sout.IsUp;

    /// <summary>The part of it that has to be short: both counters.</summary>
    [Benchmark(Description = "of it the two counters")]
    public ulong? Counters() => _pair.Sout.ReadTx() + _pair.Sup.ReadTx();

    private static string? Variable(string name) => Environment.GetEnvironmentVariable("MPIB_BENCH_" + name);
}
