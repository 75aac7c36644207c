using System.Globalization;
using MpibAgent.Interface;
using MpibAgent.Rails;

namespace MpibCtl;

/// <summary>What a rail's device says in sysfs at this moment: state, rate and counters. Where a counter is missing its value is null.</summary>
/// <param name="Kind">rdma, interface; null when there is no such device here.</param>
/// <param name="IsUp">Whether its link is up; null when the device does not say.</param>
/// <param name="LinkRate">Bytes per second; 0 when the device does not say.</param>
/// <param name="Sent">Bytes.</param>
/// <param name="Received">Bytes.</param>
/// <param name="Errors">Errors and drops of the port.</param>
/// <param name="Pauses">How often, in the device's own ticks, it had to wait with something to send.</param>
public sealed record RailReading(string? Kind, bool? IsUp, double LinkRate, ulong? Sent, ulong? Received, ulong? Errors, ulong? Pauses)
{
    private const ulong BytesPerWord = 4;

    private static readonly string[] PortErrors =
        ["counters/port_rcv_errors", "counters/port_xmit_discards", "counters/symbol_error", "hw_counters/local_ack_timeout_err", "hw_counters/packet_seq_err"];

    private static readonly string[] InterfaceErrors =
        ["statistics/tx_errors", "statistics/rx_errors", "statistics/tx_dropped", "statistics/rx_dropped"];

    /// <summary>Reads a rail's device, unless the agent says that it keeps its reader waiting: who waits for one cannot even be killed.</summary>
    public static RailReading Read(string sysRoot, RailState rail) =>
        rail.Reason == RailState.NoAnswer ? new RailReading(rail.Kind, null, rail.LinkRate, null, null, null, null) : Read(sysRoot, rail.Device);

    /// <summary>Reads a device as a setting names it: mlx5_0, mlx5_0:2, eth1.</summary>
    public static RailReading Read(string sysRoot, string device)
    {
        if (RailName.Parse(device) is { } name)
        {
            var port = string.Create(CultureInfo.InvariantCulture, $"{sysRoot}/class/infiniband/{name.Device}/ports/{name.Port ?? 1}");
            if (Directory.Exists(port))
            {
                return ReadPort(port);
            }

            var link = $"{sysRoot}/class/net/{name.Device}";
            if (name.Port is null && Directory.Exists(link))
            {
                return ReadInterface(link);
            }
        }

        return new RailReading(null, null, 0, null, null, null, null);
    }

    /// <summary>
    /// The interface under a software device (rdma_rxe, siw), through which it sends and which counts that; null where a device is none, or its interface not here.
    /// </summary>
    public static string? InterfaceUnder(string sysRoot, string device) =>
        RailName.Parse(device) is { } name && !Directory.Exists($"{sysRoot}/class/infiniband/{name.Device}/device")
            && SmallFile.Line(string.Create(CultureInfo.InvariantCulture, $"{sysRoot}/class/infiniband/{name.Device}/ports/{name.PortNumber}/gid_attrs/ndevs/0")) is { Length: > 0 } link
            && Directory.Exists($"{sysRoot}/class/net/{link}") ? link : null;

    private static RailReading ReadPort(string port) => new("rdma",
        SmallFile.Line($"{port}/state") is { } state ? state.StartsWith("4:", StringComparison.Ordinal) : null,
        // 400 Gb/sec (4X NDR)
        double.TryParse((SmallFile.Line($"{port}/rate") ?? "").Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var gigabits) && gigabits > 0
            ? gigabits * 1e9 / 8 : 0,
        SmallFile.Number($"{port}/counters/port_xmit_data") * BytesPerWord ?? SmallFile.Number($"{port}/hw_counters/tx_bytes"),
        SmallFile.Number($"{port}/counters/port_rcv_data") * BytesPerWord ?? SmallFile.Number($"{port}/hw_counters/rx_bytes"),
        Sum(port, PortErrors),
        SmallFile.Number($"{port}/counters/port_xmit_wait"));

    private static RailReading ReadInterface(string link) => new("interface",
        SmallFile.Line($"{link}/operstate") is not { } state ? null : state == "up" || (state == "unknown" && SmallFile.Number($"{link}/carrier") == 1),
        SmallFile.Number($"{link}/speed") is { } megabits ? megabits * 1e6 / 8 : 0,
        SmallFile.Number($"{link}/statistics/tx_bytes"),
        SmallFile.Number($"{link}/statistics/rx_bytes"),
        Sum(link, InterfaceErrors),
        null);

    private static ulong? Sum(string directory, string[] counters)
    {
        ulong? sum = null;
        foreach (var counter in counters)
        {
            if (SmallFile.Number($"{directory}/{counter}") is { } value)
            {
                sum = unchecked((sum ?? 0) + value);
            }
        }

        return sum;
    }
}
