using BenchmarkDotNet.Attributes;
using MpibAgent.Registration;

namespace MpibAgent.Benchmarks;

/// <summary>What it costs to make a request of the bytes that came, and to tell a fault.</summary>
public class RequestBenchmark
{
    // u32 magic, u16 length, u8 type, u8 reserved, then the payload.
    private readonly byte[] _register = [0x52, 0x49, 0x50, 0x4D, 28, 0, 1, 0, .. new byte[20]];
    private readonly byte[] _deregister = [0x52, 0x49, 0x50, 0x4D, 12, 0, 2, 0, .. new byte[4]];
    private readonly byte[] _wrong = [0x52, 0x49, 0x50, 0x4D, 13, 0, 1, 0, .. new byte[20]];

    /// <summary>Makes sure that they are read as what they are called.</summary>
    [GlobalSetup]
    public void Setup()
    {
        if (Register() != (int)RequestState.Complete || Deregister() != (int)RequestState.Complete || Wrong() == (int)RequestState.Complete)
        {
            throw new InvalidOperationException("the messages are not what they should be");
        }
    }

    /// <summary>A request to register.</summary>
    [Benchmark(Description = "a message read: register")]
    public int Register() => (int)Request.Read(_register, out _);

    /// <summary>A request to deregister.</summary>
    [Benchmark(Description = "a message read: deregister")]
    public int Deregister() => (int)Request.Read(_deregister, out _);

    /// <summary>A length that does not fit the type.</summary>
    [Benchmark(Description = "a message read: of the wrong length")]
    public int Wrong() => (int)Request.Read(_wrong, out _);
}
