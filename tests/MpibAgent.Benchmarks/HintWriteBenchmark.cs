using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Microsoft.Extensions.Logging.Abstractions;
using MpibAgent.Hints;
using MpibAgent.Interface;

namespace MpibAgent.Benchmarks;

/// <summary>What a write of the region costs.</summary>
public class HintWriteBenchmark : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("mpib-w").FullName;
    private HintRegion _region = null!;
    private uint _hint;

    /// <summary>Opens a region of its own.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _region = new HintRegion(new HintOptions { Path = Path.Combine(_directory, "hints") }, NullLogger<HintRegion>.Instance);
        _region.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>And removes it.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _region.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>One hint.</summary>
    [Benchmark]
    public void Hint() => _region.WriteHint(7, ++_hint);

    /// <summary>The hints of all slots.</summary>
    [Benchmark]
    public void AllHints()
    {
        var hint = ++_hint;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            _region.WriteHint(slot, hint);
        }
    }

    /// <summary>Addresses and hint.</summary>
    [Benchmark]
    public void Entry() => _region.WriteEntry(7, new Ipv4Address(_hint), new Ipv4Address(~_hint), ++_hint);

    internal static void Run(TextWriter report)
    {
        Console.WriteLine("hint writes");
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddColumnProvider(BenchmarkDotNet.Columns.DefaultColumnProviders.Instance)
            .AddLogger(NullLogger.Instance);
        var summary = BenchmarkRunner.Run<HintWriteBenchmark>(config);
        report.WriteLine();
        report.WriteLine("## Writes of the region");
        report.WriteLine();
        report.WriteLine("| write | ns |");
        report.WriteLine("|---|---|");
        foreach (var result in summary.Reports)
        {
            var name = result.BenchmarkCase.Descriptor.WorkloadMethod.Name switch
            {
                nameof(Hint) => "a hint (one 64-bit store)",
                nameof(AllHints) => "`all`: 256 hints",
                _ => "an entry: addresses and hint",
            };
            report.WriteLine($"| {name} | {result.ResultStatistics!.Mean:0.0} |");
        }
    }

    private sealed class NullLogger : ILogger
    {
        public static readonly NullLogger Instance = new();

        public string Id => nameof(NullLogger);

        public int Priority => 0;

        public void Write(LogKind logKind, string text)
        {
        }

        public void WriteLine()
        {
        }

        public void WriteLine(LogKind logKind, string text)
        {
        }

        public void Flush()
        {
        }
    }
}
