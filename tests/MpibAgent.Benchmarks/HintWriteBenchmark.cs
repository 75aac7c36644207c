using BenchmarkDotNet.Attributes;
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
    [Benchmark(Description = "a hint (one 64-bit store)")]
    public void Hint() => _region.WriteHint(7, ++_hint);

    /// <summary>The hints of all slots.</summary>
    [Benchmark(Description = "`all`: 256 hints")]
    public void AllHints()
    {
        var hint = ++_hint;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            _region.WriteHint(slot, hint);
        }
    }

    /// <summary>Addresses and hint.</summary>
    [Benchmark(Description = "an entry: addresses and hint")]
    public void Entry() => _region.WriteEntry(7, new Ipv4Address(_hint), new Ipv4Address(~_hint), ++_hint);
}
