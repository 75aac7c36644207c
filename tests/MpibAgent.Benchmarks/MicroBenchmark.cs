using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace MpibAgent.Benchmarks;

/// <summary>The pieces that take nanoseconds, by BenchmarkDotNet's short job in this process.</summary>
internal static class MicroBenchmark
{
    private static readonly Type[] Classes = [typeof(HintWriteBenchmark), typeof(RequestBenchmark), typeof(PolicyBenchmark), typeof(RailReadBenchmark)];

    public static void Run(Tools tools, Run run)
    {
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(NullLogger.Instance)
            .WithArtifactsPath(tools["micro"]);
        Report.Section(run, "Pieces",
            [
                "By BenchmarkDotNet's short job, compiled by the JIT. The rails are the kernel's own files of two network interfaces; the counters of an RDMA",
                "device cost what its firmware takes on top.",
            ],
            "what", "ns", "standard deviation", "bytes allocated");
        foreach (var result in Classes.SelectMany(type => BenchmarkRunner.Run(type, config).Reports))
        {
            var figures = result.ResultStatistics ?? throw new InvalidOperationException($"{result.BenchmarkCase.DisplayInfo} did not run");
            Report.Row(run, result.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\''), $"{figures.Mean:0.0}", $"{figures.StandardDeviation:0.0}",
                result.GcStats.GetBytesAllocatedPerOperation(result.BenchmarkCase) ?? 0);
        }
    }
}
