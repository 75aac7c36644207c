using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using MpibAgent.Rails;

namespace MpibAgent.Benchmarks;

/// <summary>What a look at both rails costs: real files of the kernel, of two network interfaces.</summary>
public class RailReadBenchmark : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    private readonly ApplicationLifetime _lifetime = new(NullLogger<ApplicationLifetime>.Instance);
    private EventLoop _loop = null!;
    private RailPair _pair = null!;

    /// <summary>Opens the rails: MPIB_BENCH_SOUT and MPIB_BENCH_SUP of MPIB_BENCH_SYS, or the loopback interface twice.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _loop = new EventLoop(TimeProvider.System, _lifetime, NullLogger<EventLoop>.Instance);
        _pair = new RailPair(
            new RailOptions { Sout = Variable("SOUT") ?? "lo", Sup = Variable("SUP") ?? "lo", SysRoot = Variable("SYS") ?? "/sys" },
            _loop, NullLogger<RailPair>.Instance);

        // The first reading takes its time; any is good here.
        if (_pair.Read(TimeSpan.FromHours(1)) is not { Sout.TxBytes: not null, Sup.TxBytes: not null })
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
        _loop.Dispose();
    }

    /// <summary>One observation.</summary>
    [Benchmark]
    public bool Read() => _pair.Read(Period).Sout.IsUp;

    /// <summary>The part of it that has to be short: both counters.</summary>
    [Benchmark]
    public ulong? Counters() => _pair.Sout.ReadTx() + _pair.Sup.ReadTx();

    internal static void Run(TextWriter report)
    {
        Console.WriteLine("rail reads");
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddColumnProvider(BenchmarkDotNet.Columns.DefaultColumnProviders.Instance)
            .AddLogger(BenchmarkDotNet.Loggers.NullLogger.Instance);
        var summary = BenchmarkRunner.Run<RailReadBenchmark>(config);
        report.WriteLine();
        report.WriteLine("## A look at both rails");
        report.WriteLine();
        report.WriteLine("Of the kernel's own files, two network interfaces; the counters of an RDMA device cost what its firmware takes on top.");
        report.WriteLine();
        report.WriteLine("| what | µs |");
        report.WriteLine("|---|---|");
        foreach (var result in summary.Reports)
        {
            var name = result.BenchmarkCase.Descriptor.WorkloadMethod.Name == nameof(Read) ? "an observation: counters and state of both" : "of it the two counters";
            report.WriteLine($"| {name} | {result.ResultStatistics!.Mean / 1000:0.0} |");
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable("MPIB_BENCH_" + name);
}
