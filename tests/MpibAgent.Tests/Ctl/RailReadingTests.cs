using MpibAgent.Tests.Rails;
using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class RailReadingTests : IDisposable
{
    private readonly SysfsRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void An_rdma_port_says_state_rate_and_counters()
    {
        _rig.SetTx(1000);
        var reading = RailReading.Read(_rig.Options.SysRoot, "mlx5_0");
        Assert.Equal(("rdma", true, 4000UL), (reading.Kind, reading.IsUp, reading.Sent));
        Assert.True(reading.LinkRate > 1e9);
        Assert.NotNull(reading.Pauses);
        Assert.NotNull(reading.Errors);
        _rig.Write($"{SysfsRig.Mlx5Port}/state", "1: DOWN\n");
        Assert.False(RailReading.Read(_rig.Options.SysRoot, "mlx5_0").IsUp);
    }

    [Fact]
    public void Without_the_counters_of_InfiniBand_the_drivers_own_say_what_went_through()
    {
        Directory.Delete(_rig["class/infiniband/bnxt_re0/ports/1/counters"], recursive: true);
        _rig.Write("class/infiniband/bnxt_re0/ports/1/hw_counters/tx_bytes", 70);
        _rig.Write("class/infiniband/bnxt_re0/ports/1/hw_counters/rx_bytes", 30);
        var reading = RailReading.Read(_rig.Options.SysRoot, "bnxt_re0");
        Assert.Equal((70UL, 30UL), (reading.Sent, reading.Received));
    }

    [Fact]
    public void An_interface_does_too_and_what_is_not_there_is_nothing()
    {
        _rig.Write("class/net/eth1/statistics/tx_bytes", "77\n");
        var reading = RailReading.Read(_rig.Options.SysRoot, "eth1");
        Assert.Equal(("interface", 77UL, null), (reading.Kind, reading.Sent, reading.Pauses));
        foreach (var name in new[] { "no-such", "mlx5_0:9", "../net/eth1", "", "eth1:1" })
        {
            Assert.Null(RailReading.Read(_rig.Options.SysRoot, name).Kind);
        }
    }

    [Fact]
    public void Rates_come_of_two_readings_and_a_reset_is_a_gap()
    {
        var history = new RailHistory();
        RailReading At(ulong? bytes) => new("rdma", true, 1e9, bytes, bytes, bytes, null);
        var second = TimeProvider.System.TimestampFrequency;
        history.Add(At(100), second);
        Assert.Empty(history.Sent);
        history.Add(At(300), 2 * second);
        history.Add(At(10), 3 * second);
        history.Add(At(null), 4 * second);
        Assert.Equal([200, double.NaN, double.NaN], history.Sent);
        for (uint i = 0; i < 100; i++)
        {
            history.Add(At(i), (5 + i) * second);
        }

        Assert.Equal((RailHistory.Length, 1.0, double.NaN), (history.Sent.Count, history.Errors, history.Pauses));
    }
}
