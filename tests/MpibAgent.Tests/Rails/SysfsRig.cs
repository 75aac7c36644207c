using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using MpibAgent.Policy;
using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

/// <summary>A pair of rails on a copy of the tree beside this file, which the test changes; and a clock that the test moves.</summary>
internal sealed class SysfsRig : IDisposable
{
    public const string Mlx5Port = "class/infiniband/mlx5_0/ports/1";
    public const string SupPort = "class/infiniband/mlx5_1/ports/1";

    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    private readonly TempDirectory _files = new();
    private RailPair? _pair;

    public SysfsRig(string sout = "mlx5_0", string sup = "mlx5_1")
    {
        Options = new RailOptions { Sout = sout, Sup = sup, SysRoot = _files["sys"] };
        Run("cp", "-a", Path.Combine(Here(), "sysfs"), _files["sys"]);
        foreach (var link in File.ReadLines(Path.Combine(Here(), "sysfs.links")))
        {
            // Kept as a list: like those of the real sysfs they lead in circles, where a build would follow them.
            File.CreateSymbolicLink(this[link.Split(" -> ")[0]], link.Split(" -> ")[1]);
        }
    }

    public RailOptions Options { get; }

    public FakeTime Time { get; } = new();

    public CapturedLog Log { get; } = new();

    public RailPair Pair => _pair ??= new RailPair(Options, Time, Log.For<RailPair>());

    public string this[string path] => Path.Combine(Options.SysRoot, path);

    public void Write(string path, string text) => File.WriteAllText(this[path], text);

    public void Write(string path, ulong number) => Write(path, number.ToString(CultureInfo.InvariantCulture) + "\n");

    public void SetTx(ulong words) => Write($"{Mlx5Port}/counters/port_xmit_data", words);

    /// <summary>A software device on an interface, as rdma_rxe and siw make it: no device behind it, and no counters.</summary>
    public void AddSoftware(string device, string netInterface, ulong index)
    {
        var (port, link) = ($"class/infiniband/{device}/ports/1", $"class/net/{netInterface}");
        Directory.CreateDirectory(this[$"{port}/gid_attrs/ndevs"]);
        Directory.CreateDirectory(this[$"{port}/hw_counters"]);
        Directory.CreateDirectory(this[$"{link}/statistics"]);
        Write($"{port}/state", "4: ACTIVE\n");
        Write($"{port}/rate", "10 Gb/sec (4X SDR)\n");
        Write($"{port}/link_layer", "Ethernet\n");
        Write($"{port}/gid_attrs/ndevs/0", netInterface + "\n");
        Write($"{link}/operstate", "up\n");
        Write($"{link}/speed", "10000\n");
        Write($"{link}/ifindex", index);
        Write($"{link}/statistics/tx_bytes", 4096);
    }

    /// <summary>What was read last.</summary>
    public RailsSeen Seen { get; private set; }

    public Observation Read(double supShare = double.NaN) => (Seen = Pair.Read(Period, supShare)).Sample;

    public Observation ReadAfter(TimeSpan time, double supShare = double.NaN)
    {
        Time.Advance(time);
        return Read(supShare);
    }

    /// <summary>Moves a part of the tree away, so that what comes to its place is another directory, and not one that only looks so.</summary>
    public void TakeAway(string path) => Directory.Move(this[path], _files["away"]);

    public void BringBack(string path) => Run("cp", "-a", _files["away"], this[path]);

    public void Dispose()
    {
        _pair?.Dispose();
        _files.Dispose();
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private static string Here([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
