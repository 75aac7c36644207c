using MpibAgent.Policy;
using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

/// <summary>What a pair of rails says of a sysfs tree, and of what becomes of it.</summary>
public sealed class RailPairTests
{
    private const ulong Width = 1UL << 32;
    private const string Hw = SysfsRig.Mlx5Port + "/hw_counters";

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void An_RDMA_port_gives_bytes_rate_state_and_the_slow_counters()
    {
        using var rig = new SysfsRig();
        Assert.Equal(
            new RailSample { IsUp = true, LinkRate = 50e9, TxBytes = 3840192837465ul * 4, Timeouts = 7, Notifications = 4242, WaitTicks = 1934 },
            rig.Read().Sout);
    }

    [Fact]
    public void An_interface_gives_bytes_rate_and_state()
    {
        using var rig = new SysfsRig("eth0", "tun0");
        var seen = rig.Read();
        Assert.Equal(new RailSample { IsUp = true, LinkRate = 125e6, TxBytes = 123456789 }, seen.Sout);
        Assert.Equal(new RailSample { IsUp = true, LinkRate = 1.25e6, TxBytes = 64 }, seen.Sup);
    }

    [Fact]
    public void A_device_without_some_counters_gives_the_others()
    {
        using var rig = new SysfsRig("bnxt_re0");
        Assert.Equal(new RailSample { IsUp = true, LinkRate = 12.5e9, TxBytes = 55667788 * 4 }, rig.Read().Sout);
    }

    [Fact]
    public void Without_the_counters_of_InfiniBand_the_drivers_own_is_taken_in_bytes()
    {
        // As the kernel's own driver makes it; bnxt_re0 of the tree is as Broadcom's.
        using var rig = new SysfsRig("bnxt_re0");
        const string Port = "class/infiniband/bnxt_re0/ports/1";
        Directory.Delete(rig[$"{Port}/counters"], recursive: true);
        rig.Write($"{Port}/hw_counters/tx_bytes", 1_000_000);
        Assert.Equal(new RailSample { IsUp = true, LinkRate = 12.5e9, TxBytes = 1_000_000 }, rig.Read().Sout);
        rig.Write($"{Port}/hw_counters/tx_bytes", 1_000_500);
        Assert.Equal(1_000_500ul, rig.ReadAfter(SysfsRig.Period).Sout.TxBytes);
        Assert.Equal(0, rig.Log.Count("rail-counter-missing"));
    }

    [Fact]
    public void The_counter_of_InfiniBand_goes_over_the_drivers_own()
    {
        using var rig = new SysfsRig();
        rig.Write($"{Hw}/tx_bytes", 5);
        Assert.Equal(3840192837465ul * 4, rig.Read().Sout.TxBytes);
    }

    [Fact]
    public void The_port_can_be_chosen()
    {
        using var rig = new SysfsRig("mlx4_0:1", "mlx4_0:2");
        var seen = rig.Read();
        Assert.Equal((true, 7e9, 4294967000ul * 4), (seen.Sout.IsUp, seen.Sout.LinkRate, seen.Sout.TxBytes));
        Assert.Equal((false, 1.25e9, 0ul), (seen.Sup.IsUp, seen.Sup.LinkRate, seen.Sup.TxBytes));
    }

    [Fact]
    public void What_the_link_does_shows_in_the_next_sample()
    {
        using var rig = new SysfsRig();
        Assert.True(rig.Read().Sout.IsUp);
        rig.Write($"{SysfsRig.Mlx5Port}/state", "1: DOWN\n");
        Assert.False(rig.Read().Sout.IsUp);
        rig.Write($"{SysfsRig.Mlx5Port}/state", "4: ACTIVE\n");
        rig.Write($"{SysfsRig.Mlx5Port}/rate", "200 Gb/sec (4X HDR)\n");
        var back = rig.Read().Sout;
        Assert.Equal((true, 25e9), (back.IsUp, back.LinkRate));
        Assert.Equal("SOUT rail mlx5_0: the link is down", rig.Log.Single("rail-down"));
        Assert.Equal("SOUT rail mlx5_0: the link is up, 200 Gb/s", rig.Log.Single("rail-up"));
    }

    [Fact]
    public void A_rate_that_changes_is_seen_within_a_second()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Write($"{SysfsRig.Mlx5Port}/rate", "100 Gb/sec (4X EDR)\n");
        Assert.Equal(50e9, rig.ReadAfter(Second / 2).Sout.LinkRate);
        Assert.Equal(12.5e9, rig.ReadAfter(Second / 2).Sout.LinkRate);
        Assert.Equal("SOUT rail mlx5_0: 100 Gb/s now, 400 Gb/s before", rig.Log.Single("rail-rate"));
    }

    [Theory]
    [InlineData(true, 125e6)]
    [InlineData(false, 1.25e9)]
    public void The_rate_of_an_interface_is_read_every_second_only_where_nobody_tells_of_links_and_there_every_ten(bool isFollowed, double expected)
    {
        using var rig = new SysfsRig("eth0");
        rig.Write("class/net/eth0/ifindex", 7);
        rig.Pair.Read(SysfsRig.Period, isFollowed: isFollowed);
        rig.Write("class/net/eth0/speed", "10000\n");
        rig.Time.Advance(Second);
        Assert.Equal(expected, rig.Pair.Read(SysfsRig.Period, isFollowed: isFollowed).Sample.Sout.LinkRate);
        Assert.True(rig.Pair.Tell(LinkEvents.Any));
        Assert.Equal(1.25e9, rig.Pair.Read(SysfsRig.Period, isFollowed: isFollowed).Sample.Sout.LinkRate);

        rig.Write("class/net/eth0/speed", "25000\n");
        rig.Time.Advance(Second * 10);
        Assert.Equal(3.125e9, rig.Pair.Read(SysfsRig.Period, isFollowed: isFollowed).Sample.Sout.LinkRate);
    }

    [Fact]
    public void A_rate_that_is_not_known_yet_is_looked_for_every_second()
    {
        using var rig = new SysfsRig("eth0");
        rig.Write("class/net/eth0/ifindex", 7);
        rig.Write("class/net/eth0/speed", "-1\n");
        Assert.Equal(0, rig.Pair.Read(SysfsRig.Period, isFollowed: true).Sample.Sout.LinkRate);
        rig.Write("class/net/eth0/speed", "10000\n");
        rig.Time.Advance(Second);
        Assert.Equal(1.25e9, rig.Pair.Read(SysfsRig.Period, isFollowed: true).Sample.Sout.LinkRate);
    }

    [Theory]
    [InlineData("up", "0", true)]
    [InlineData("unknown", "1", true)]
    [InlineData("unknown", "0", false)]
    [InlineData("down", "1", false)]
    [InlineData("lowerlayerdown", "1", false)]
    [InlineData("dormant", "1", false)]
    [InlineData("", "1", true)]
    public void An_interface_is_up_by_its_state_or_its_carrier(string state, string carrier, bool isUp)
    {
        using var rig = new SysfsRig("eth0");
        rig.Write("class/net/eth0/operstate", state + "\n");
        rig.Write("class/net/eth0/carrier", carrier + "\n");
        Assert.Equal(isUp, rig.Read().Sout.IsUp);
    }

    [Fact]
    public void A_rate_of_the_settings_goes_over_the_devices()
    {
        using var rig = new SysfsRig("eth0");
        rig.Options.SoutGbps = 0.1;
        rig.Options.SupGbps = 200;
        var seen = rig.Read();
        Assert.Equal((12.5e6, 25e9), (seen.Sout.LinkRate, seen.Sup.LinkRate));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1\n")]
    [InlineData("unknown\n")]
    public void A_rate_that_is_not_known_is_0(string speed)
    {
        using var rig = new SysfsRig("eth0");
        rig.Write("class/net/eth0/speed", speed);
        Assert.Equal(0, rig.Read().Sout.LinkRate);
        Assert.Equal("SOUT rail eth0: network interface; up, rate unknown", rig.Log.Lines.First(line => line.Event == "rail-found").Message);
    }

    [Fact]
    public void Hw_counters_are_read_once_in_their_lifespan()
    {
        using var rig = new SysfsRig();
        rig.Write($"{Hw}/lifespan", 30);
        rig.Read();
        rig.Write($"{Hw}/local_ack_timeout_err", 8);
        Assert.Equal(7ul, rig.ReadAfter(TimeSpan.FromMilliseconds(29)).Sout.Timeouts);
        Assert.Equal(8ul, rig.ReadAfter(TimeSpan.FromMilliseconds(1)).Sout.Timeouts);
    }

    [Theory]
    [InlineData("never\n")]
    [InlineData(null)]
    public void Without_a_lifespan_it_is_10_ms(string? lifespan)
    {
        using var rig = new SysfsRig();
        if (lifespan is null)
        {
            File.Delete(rig[$"{Hw}/lifespan"]);
        }
        else
        {
            rig.Write($"{Hw}/lifespan", lifespan);
        }

        rig.Read();
        rig.Write($"{Hw}/rp_cnp_handled", 5000);
        Assert.Equal(4242ul, rig.ReadAfter(TimeSpan.FromMilliseconds(9)).Sout.Notifications);
        Assert.Equal(5000ul, rig.ReadAfter(TimeSpan.FromMilliseconds(1)).Sout.Notifications);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(ulong.MaxValue, 10_000)]
    public void A_lifespan_that_cannot_be_is_the_nearest_that_can(ulong lifespan, int milliseconds)
    {
        using var rig = new SysfsRig();
        rig.Write($"{Hw}/lifespan", lifespan);
        rig.Read();
        rig.Write($"{Hw}/local_ack_timeout_err", 8);
        Assert.Equal(7ul, rig.ReadAfter(TimeSpan.FromMilliseconds(milliseconds) - TimeSpan.FromMicroseconds(1)).Sout.Timeouts);
        Assert.Equal(8ul, rig.ReadAfter(TimeSpan.FromMicroseconds(1)).Sout.Timeouts);
    }

    [Fact]
    public void A_link_whose_state_cannot_be_read_is_up_as_long_as_the_counter_can()
    {
        using var rig = new SysfsRig();
        File.Delete(rig[$"{SysfsRig.Mlx5Port}/state"]);
        Assert.True(rig.Read().Sout.IsUp);
        Assert.True(rig.ReadAfter(Second).Sout.IsUp);
        rig.Write($"{SysfsRig.Mlx5Port}/counters/port_xmit_data", "garbage\n");
        Assert.False(rig.ReadAfter(Second).Sout.IsUp);
    }

    [Fact]
    public void The_time_is_the_middle_of_the_reading_of_both_counters()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Time.PerLook = TimeSpan.FromMicroseconds(40);
        var first = rig.Read();
        rig.Time.PerLook = default;
        var begin = rig.Read().Time - TimeSpan.FromMicroseconds(160);
        Assert.Equal(begin + TimeSpan.FromMicroseconds(40), first.Time);
        Assert.NotNull(first.Sout.TxBytes);
    }

    [Fact]
    public void A_reading_that_took_too_long_is_discarded_and_the_rest_of_it_is_not()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Time.PerLook = TimeSpan.FromMicroseconds(51);
        var seen = rig.Read();
        Assert.Equal(((ulong?)null, (ulong?)null), (seen.Sout.TxBytes, seen.Sup.TxBytes));
        Assert.Equal((true, 50e9, 7ul), (seen.Sout.IsUp, seen.Sout.LinkRate, seen.Sout.Timeouts));

        // A longer period has more patience.
        Assert.NotNull(rig.Pair.Read(SysfsRig.Period * 2).Sample.Sout.TxBytes);
    }

    [Fact]
    public void That_most_readings_take_too_long_is_said_once()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Time.PerLook = TimeSpan.FromMicroseconds(200);
        for (var i = 0; i < 3000; i++)
        {
            rig.Read();
        }

        Assert.Equal("999 of the last 1000 readings of the rails' counters took more than 2% of the period of 5 ms and were discarded",
            rig.Log.Single("rail-slow"));
    }

    [Fact]
    public void A_device_that_takes_long_for_each_reading_is_told_of_soon()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Time.PerLook = TimeSpan.FromMilliseconds(400);
        for (var i = 0; i < 20; i++)
        {
            rig.Read();
        }

        Assert.Contains(" readings of the rails' counters took more than 2% of the period of 5 ms and were discarded", rig.Log.Single("rail-slow"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("many\n")]
    [InlineData("12 34\n")]
    [InlineData("-5\n")]
    [InlineData("99999999999999999999999\n")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000000000000000000001\n")]
    public void A_counter_that_holds_garbage_is_missing_and_comes_back(string garbage)
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Write($"{SysfsRig.Mlx5Port}/counters/port_xmit_data", garbage);
        rig.Read();
        var without = rig.Read();
        Assert.Equal((null, true), (without.Sout.TxBytes, without.Sout.IsUp));
        Assert.NotNull(without.Sup.TxBytes);
        rig.SetTx(5_000_000_000_000);
        Assert.Equal(20_000_000_000_000ul, rig.Read().Sout.TxBytes);
        Assert.Contains("port_xmit_data cannot be read (it holds ", rig.Log.Single("rail-counter-missing"), StringComparison.Ordinal);
        Assert.Equal("SOUT rail mlx5_0: its counter can be read again", rig.Log.Single("rail-counter-back"));
    }

    [Fact]
    public void A_counter_that_is_not_there_is_missing_and_is_found_when_it_comes()
    {
        using var rig = new SysfsRig();
        var file = rig[$"{SysfsRig.Mlx5Port}/counters/port_xmit_data"];
        File.Move(file, file + ".away");
        var seen = rig.Read().Sout;
        Assert.Equal((null, true, 7ul), (seen.TxBytes, seen.IsUp, seen.Timeouts));
        Assert.EndsWith("port_xmit_data cannot be read (No such file or directory)", rig.Log.Single("rail-counter-missing"),
            StringComparison.Ordinal);
        File.Move(file + ".away", file);
        rig.ReadAfter(Second);
        Assert.NotNull(rig.Read().Sout.TxBytes);
    }

    [Fact]
    public void Of_a_software_device_without_a_counter_the_interface_that_has_one_is_named()
    {
        using var rig = new SysfsRig("rxe0");
        rig.AddSoftware("rxe0", "veth0", 7);
        rig.Write("class/infiniband/rxe0/ports/1/hw_counters/lifespan", 12);
        rig.Write("class/infiniband/rxe0/ports/1/hw_counters/sent_pkts", 1000);
        Assert.Equal(new RailSample { IsUp = true, LinkRate = 1.25e9 }, rig.Read().Sout);
        rig.Read();
        Assert.EndsWith("ports/1/counters/port_xmit_data cannot be read (No such file or directory; it is a software device: "
            + "name its interface veth0 in [Rails], which counts what it sends)", rig.Log.Single("rail-counter-missing"), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_NIC_without_a_counter_it_is_not_since_that_does_not_count_RDMA()
    {
        using var rig = new SysfsRig();
        rig.Write("class/net/eth1/ifindex", 3);
        Directory.Delete(rig[$"{SysfsRig.Mlx5Port}/counters"], recursive: true);
        rig.Read();
        rig.Read();
        Assert.EndsWith("port_xmit_data cannot be read (No such file or directory)", rig.Log.Single("rail-counter-missing"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_counter_of_32_bits_that_wraps_goes_on_and_that_is_said_once()
    {
        using var rig = new SysfsRig("mlx4_0");
        var bytes = rig.Read().Sout.TxBytes;
        for (var round = 0; round < 3; round++)
        {
            // 1000 words on, past the end of 32 bits, and on to where it was.
            rig.Write("class/infiniband/mlx4_0/ports/1/counters/port_xmit_data", (4294967000ul + 1000) % Width);
            Assert.Equal(bytes + 4000, rig.Read().Sout.TxBytes);
            rig.Write("class/infiniband/mlx4_0/ports/1/counters/port_xmit_data", 4294967000);
            bytes += 4 * Width;
            Assert.Equal(bytes, rig.Read().Sout.TxBytes);
        }

        rig.Log.Single("rail-counter-wraps");
        Assert.Equal(0, rig.Log.Count("rail-counter-reset"));
    }

    [Fact]
    public void A_counter_that_was_reset_goes_back_and_that_is_said()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.SetTx(100);
        Assert.Equal(400ul, rig.Read().Sout.TxBytes);
        Assert.Equal("SOUT rail mlx5_0: its counter was reset; the measurement starts again", rig.Log.Single("rail-counter-reset"));
        Assert.Equal(0, rig.Log.Count("rail-counter-wraps"));
    }

    [Theory]
    [InlineData(SysfsRig.SupPort, "SOUT rail mlx5_0")]
    [InlineData(SysfsRig.Mlx5Port, "SUP rail mlx5_1")]
    public void A_counter_that_stands_while_the_other_rail_sends_is_said_once(string sending, string standing)
    {
        using var rig = new SysfsRig();
        for (var i = 0ul; i < 50; i++)
        {
            rig.Write($"{sending}/counters/port_xmit_data", 4_000_000_000_000 + (i * 10_000_000));
            rig.ReadAfter(Second, supShare: 0.5);
        }

        Assert.Equal((sending == SysfsRig.SupPort, sending == SysfsRig.Mlx5Port), (rig.Seen.Sout.IsFrozen, rig.Seen.Sup.IsFrozen));
        Assert.Contains($"{standing}: its counter has not moved for 10 s", rig.Log.Single("rail-counter-frozen"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_reading_by_somebody_who_knows_no_share_does_not_unfreeze_a_counter()
    {
        using var rig = new SysfsRig();
        for (var i = 0ul; i < 50; i++)
        {
            rig.Write($"{SysfsRig.SupPort}/counters/port_xmit_data", 1_000_000_000_000 + (i * 10_000_000));
            rig.ReadAfter(Second, supShare: 0.5);
            rig.Read();
        }

        Assert.True(rig.Seen.Sout.IsFrozen);
    }

    [Fact]
    public void A_rail_that_sends_is_not_asked_whether_it_is_up_until_it_stands_still()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Write($"{SysfsRig.Mlx5Port}/state", "1: DOWN\n");
        for (var i = 1ul; i <= 5; i++)
        {
            rig.Write($"{SysfsRig.Mlx5Port}/counters/port_xmit_data", 3840192837465 + i);
            Assert.True(rig.ReadAfter(TimeSpan.FromMilliseconds(5)).Sout.IsUp);
        }

        Assert.False(rig.ReadAfter(TimeSpan.FromMilliseconds(5)).Sout.IsUp);

        // And not when it was down: it may send before it is up for good.
        rig.Write($"{SysfsRig.Mlx5Port}/counters/port_xmit_data", 3840192837465 + 6);
        Assert.False(rig.ReadAfter(TimeSpan.FromMilliseconds(5)).Sout.IsUp);
    }

    [Fact]
    public void The_state_of_a_rail_that_sends_is_asked_once_a_second()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.Write($"{SysfsRig.Mlx5Port}/state", "1: DOWN\n");
        rig.Write($"{SysfsRig.Mlx5Port}/counters/port_xmit_data", 3840192837466);
        Assert.False(rig.ReadAfter(Second).Sout.IsUp);
    }

    [Theory]
    [InlineData(SysfsRig.SupPort, 1.0)]
    [InlineData(SysfsRig.SupPort, 0.96)]
    [InlineData(SysfsRig.SupPort, double.NaN)]
    [InlineData(SysfsRig.Mlx5Port, 0.0)]
    [InlineData(SysfsRig.Mlx5Port, 0.04)]
    public void A_rail_over_which_next_to_nothing_is_to_go_is_not_taken_for_frozen(string sending, double supShare)
    {
        using var rig = new SysfsRig();
        for (var i = 0ul; i < 50; i++)
        {
            rig.Write($"{sending}/counters/port_xmit_data", 4_000_000_000_000 + (i * 10_000_000));
            rig.ReadAfter(Second, supShare);
        }

        Assert.False(rig.Seen.Sout.IsFrozen || rig.Seen.Sup.IsFrozen);
    }

    [Fact]
    public void A_rail_whose_link_is_down_is_not_taken_for_frozen()
    {
        using var rig = new SysfsRig();
        rig.Write($"{SysfsRig.Mlx5Port}/state", "1: DOWN\n");
        for (var i = 0ul; i < 50; i++)
        {
            rig.Write($"{SysfsRig.SupPort}/counters/port_xmit_data", 4_000_000_000_000 + (i * 10_000_000));
            rig.ReadAfter(Second, supShare: 0.5);
        }

        Assert.False(rig.Seen.Sout.IsFrozen);
    }

    [Fact]
    public void A_sample_allocates_nothing_and_opens_nothing()
    {
        using var rig = new SysfsRig("bnxt_re0", "eth0");
        File.Delete(rig["class/net/eth0/speed"]);
        for (var i = 0; i < 100; i++)
        {
            rig.ReadAfter(SysfsRig.Period, supShare: 0.5);
        }

        var open = Directory.GetFiles("/proc/self/fd").Length;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            rig.ReadAfter(SysfsRig.Period, supShare: 0.5);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(open, Directory.GetFiles("/proc/self/fd").Length);
    }

    [Fact]
    public void A_tree_of_garbage_is_survived()
    {
        using var rig = new SysfsRig("mlx5_0", "eth1");
        var random = new Random(1);
        var files = Directory.GetFiles(rig[SysfsRig.Mlx5Port], "*", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(rig["class/net/eth1"])).Append(rig["class/net/eth1/statistics/tx_bytes"]).ToList();
        var bytes = new byte[80];
        for (var i = 0; i < 2000; i++)
        {
            random.NextBytes(bytes);
            File.WriteAllBytes(files[random.Next(files.Count)], bytes.AsSpan(0, random.Next(bytes.Length)));
            rig.ReadAfter(Second / 3);
        }

        Assert.True(rig.Log.Lines.Count() < 20 * (2000 / 30) + 10);
    }
}
