namespace MpibAgent.Tests.Rails;

/// <summary>Finding the device of a rail, losing it and finding it again; and what is said of it.</summary>
public sealed class RailDeviceTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData("mlx5_0", "RDMA device, port 1, Ethernet, interface eth1; up, 400 Gb/s")]
    [InlineData("mlx5_1", "RDMA device, port 1, InfiniBand, interface ib0; up, 400 Gb/s")]
    [InlineData("mlx4_0:2", "RDMA device, port 2, InfiniBand, interface ib1; down, 10 Gb/s")]
    [InlineData("eth0", "network interface; up, 1 Gb/s")]
    public void What_is_found_is_said(string name, string what)
    {
        using var rig = new SysfsRig(name, "tun0");
        rig.Pair.Open();
        rig.Read();
        Assert.Contains(("rail-found", $"SOUT rail {name}: {what}"), rig.Log.Lines);
        Assert.Equal((2, 0, 0), (rig.Log.Count("rail-found"), rig.Log.Count("rail-missing"), rig.Log.Count("rail-caveat")));
    }

    [Theory]
    [InlineData("eth0", true)]
    [InlineData("mlx5_0", true)]
    [InlineData("mlx5_1", false)]
    public void An_interface_tells_of_its_link_and_so_does_that_of_an_RDMA_port_unless_it_is_InfiniBand(string name, bool isTold)
    {
        using var rig = new SysfsRig(name);
        rig.Write("class/net/eth0/ifindex", 2);
        rig.Write("class/net/eth1/ifindex", 3);
        rig.Write("class/net/ib0/ifindex", 4);
        rig.Read();
        Assert.Equal(isTold, rig.Pair.Sout.IsTold);
        Assert.Equal((isTold, isTold), (rig.Pair.Sout.Tell(name == "eth0" ? 2 : 3), rig.Pair.Sout.Tell(0)));
    }

    [Fact]
    public void A_link_that_is_told_of_is_looked_at_though_bytes_move()
    {
        using var rig = new SysfsRig("eth0");
        rig.Write("class/net/eth0/ifindex", 2);
        Assert.True(rig.Read().Sout.IsUp);
        rig.Write("class/net/eth0/operstate", "down\n");
        rig.Write("class/net/eth0/statistics/tx_bytes", 223456789);
        Assert.True(rig.ReadAfter(SysfsRig.Period).Sout.IsUp);
        Assert.False(rig.Pair.Sout.Tell(7));
        Assert.True(rig.Pair.Sout.Tell(2));
        rig.Write("class/net/eth0/statistics/tx_bytes", 323456789);
        Assert.False(rig.ReadAfter(SysfsRig.Period).Sout.IsUp);
    }

    [Theory]
    [InlineData("bond0", "a bond of eth2 and eth3: counter and rate are those of all its members together")]
    [InlineData("mlx5_bond_0", "its interface bond0 is a bond of eth2 and eth3: counter and rate are those of the bond")]
    [InlineData("mlx5_2", "a virtual function of mlx5_0: the link's rate is shared with that and with other functions")]
    [InlineData("eth1", "its counter may leave out what RDMA sends; mlx5_0 is the RDMA device, and has one that does not")]
    public void A_bond_a_virtual_function_and_an_interface_of_an_RDMA_device_are_warned_of(string name, string caveat)
    {
        using var rig = new SysfsRig("eth0", name);
        Assert.NotNull(rig.Read().Sup.TxBytes);
        Assert.Equal($"SUP rail {name}: {caveat}", rig.Log.Single("rail-caveat"));
    }

    [Fact]
    public void All_that_is_odd_of_an_interface_is_said()
    {
        using var rig = new SysfsRig("eth3", "eth4");
        rig.Read();
        Assert.Equal(
            [
                "SOUT rail eth3: a member of the bond bond0: what the other members send is not counted here",
                "SOUT rail eth3: its counter may leave out what RDMA sends; mlx5_bond_0 is the RDMA device, and has one that does not",
                "SUP rail eth4: a virtual function of eth1: the link's rate is shared with that and with other functions",
                "SUP rail eth4: its counter may leave out what RDMA sends; mlx5_2 is the RDMA device, and has one that does not",
            ],
            rig.Log.Lines.Where(line => line.Event == "rail-caveat").Select(line => line.Message));
    }

    [Theory]
    [InlineData("eth0", "eth0")]
    [InlineData("mlx5_0", "mlx5_0:1")]
    [InlineData("mlx5_0:1", "mlx5_0")]
    public void One_device_for_both_rails_is_warned_of(string sout, string sup)
    {
        using var rig = new SysfsRig(sout, sup);
        rig.Read();
        Assert.Contains("it is the SOUT rail as well", rig.Log.Single("rail-caveat"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("siw0", "veth0")]
    [InlineData("veth0", "siw0")]
    [InlineData("siw0", "rxe0")]
    public void Two_devices_on_one_interface_are_one(string sout, string sup)
    {
        using var rig = new SysfsRig(sout, sup);
        rig.AddSoftware("rxe0", "veth0", 7);
        rig.AddSoftware("siw0", "veth0", 7);
        rig.Read();
        Assert.StartsWith($"SUP rail {sup}: it is the SOUT rail as well", rig.Log.Single("rail-caveat"), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_devices_on_two_interfaces_are_not()
    {
        using var rig = new SysfsRig("siw0", "rxe0");
        rig.AddSoftware("siw0", "veth0", 7);
        rig.AddSoftware("rxe0", "veth1", 8);
        rig.Read();
        Assert.Equal(0, rig.Log.Count("rail-caveat"));
    }

    [Theory]
    [InlineData("mlx4_0", "mlx4_0:2")]
    [InlineData("mlx5_0:1", "mlx5_1:1")]
    public void Two_ports_or_two_devices_are_not(string sout, string sup)
    {
        using var rig = new SysfsRig(sout, sup);
        rig.Read();
        Assert.Equal(0, rig.Log.Count("rail-caveat"));
    }

    [Theory]
    [InlineData("mlx5_9", "not found under {0}/class/infiniband or {0}/class/net; found: bnxt_re0, mlx4_0, mlx5_0, mlx5_1, mlx5_2, "
        + "mlx5_bond_0, bond0, eth0, eth1, eth2, eth3, eth4, ib0, tun0")]
    [InlineData("mlx4_0:3", "it has no port 3; found: 1, 2")]
    [InlineData("eth0:1", "it is a network interface, which has no ports")]
    [InlineData("bonding_masters", "not found under {0}/class/infiniband or {0}/class/net; found: bnxt_re0, ")]
    public void A_rail_that_is_not_there_is_said_with_what_is(string name, string reason)
    {
        using var rig = new SysfsRig("eth0", name);
        var seen = rig.Read();
        rig.ReadAfter(Second);
        Assert.Equal((false, null, 0.0), (seen.Sup.IsUp, seen.Sup.TxBytes, seen.Sup.LinkRate));
        Assert.True(seen.Sout.IsUp);
        var said = rig.Log.Single("rail-missing");
        Assert.StartsWith($"SUP rail {name}: {reason.Replace("{0}", rig.Options.SysRoot, StringComparison.Ordinal)}", said, StringComparison.Ordinal);
        Assert.EndsWith("; it counts as down: a policy that steers sends all over the other rail", said, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_of_which_nothing_can_be_read_is_missing_and_found_once_it_can()
    {
        using var rig = new SysfsRig("eth0");
        rig.Write("class/net/eth0/operstate", "");
        rig.Write("class/net/eth0/statistics/tx_bytes", "");
        Assert.False(rig.Read().Sout.IsUp);
        Assert.StartsWith("SOUT rail eth0: neither its state nor its counter can be read", rig.Log.Single("rail-missing"), StringComparison.Ordinal);
        rig.Write("class/net/eth0/operstate", "up\n");
        Assert.True(rig.ReadAfter(Second).Sout.IsUp);
    }

    [Fact]
    public void Two_rails_that_nobody_named_are_not_taken_for_one_device()
    {
        using var rig = new SysfsRig("", "");
        rig.Read();
        Assert.Equal((2, 0), (rig.Log.Count("rail-missing"), rig.Log.Count("rail-caveat")));
    }

    [Fact]
    public void Without_a_sysfs_every_rail_is_missing()
    {
        using var rig = new SysfsRig();
        Directory.Delete(rig["class"], recursive: true);
        var seen = rig.Read();
        Assert.False(seen.Sout.IsUp || seen.Sup.IsUp);
        Assert.Equal(2, rig.Log.Lines.Count(line => line.Message.Contains("found: none;", StringComparison.Ordinal)));
    }

    [Fact]
    public void Of_a_rail_that_is_not_configured_nothing_is_known()
    {
        using var rig = new SysfsRig(sup: "");
        rig.Options.SupGbps = 100;
        var seen = rig.ReadAfter(Second);
        Assert.Equal((true, null, 12.5e9), (seen.Sup.IsUp, seen.Sup.TxBytes, seen.Sup.LinkRate));
        Assert.Equal((false, false), (rig.Pair.Sup.IsConfigured, rig.Seen.Sup.IsPresent));
        Assert.Equal("SUP rail (none): not named in [Rails]; a policy that steers knows nothing of it", rig.Log.Single("rail-missing"));
    }

    [Fact]
    public void A_device_that_comes_late_is_found_within_a_second()
    {
        using var rig = new SysfsRig();
        rig.TakeAway("class/infiniband/mlx5_0");
        Assert.False(rig.Read().Sout.IsUp);
        rig.BringBack("class/infiniband/mlx5_0");
        Assert.False(rig.ReadAfter(Second / 2).Sout.IsUp);
        rig.ReadAfter(Second / 2);
        Assert.Equal((true, 3840192837465ul * 4), (rig.Read().Sout.IsUp, rig.Read().Sout.TxBytes));
        Assert.Equal(1, rig.Log.Lines.Count(line => line is ("rail-found", ['S', 'O', ..])));
    }

    [Theory]
    [InlineData("mlx5_0", "class/infiniband/mlx5_0")]
    [InlineData("eth0", "class/net/eth0")]
    public void A_device_that_goes_is_down_and_found_again_when_it_returns(string name, string path)
    {
        using var rig = new SysfsRig(name);
        Assert.True(rig.Read().Sout.IsUp);
        rig.TakeAway(path);
        var gone = rig.ReadAfter(Second).Sout;
        Assert.Equal((false, null), (gone.IsUp, gone.TxBytes));
        Assert.False(rig.ReadAfter(Second).Sout.IsUp);
        rig.BringBack(path);
        rig.ReadAfter(Second);
        Assert.NotNull(rig.Read().Sout.TxBytes);
        Assert.StartsWith($"SOUT rail {name}: the device is gone; it counts as down until it is back; found: ", rig.Log.Single("rail-lost"), StringComparison.Ordinal);
        Assert.Equal(2, rig.Log.Lines.Count(line => line is ("rail-found", ['S', 'O', ..])));
    }

    [Fact]
    public void A_device_that_was_renamed_is_among_those_that_are_there()
    {
        using var rig = new SysfsRig();
        rig.Read();
        Directory.Move(rig["class/infiniband/mlx5_0"], rig["class/infiniband/rocep65s0f0"]);
        Assert.False(rig.ReadAfter(Second).Sout.IsUp);
        Assert.EndsWith("; found: bnxt_re0, mlx4_0, mlx5_1, mlx5_2, mlx5_bond_0, rocep65s0f0, bond0, eth0, eth1, eth2, eth3, eth4, ib0, tun0",
            rig.Log.Single("rail-lost"), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_device_of_the_same_name_starts_anew()
    {
        using var rig = new SysfsRig();
        rig.Read();
        rig.TakeAway("class/infiniband/mlx5_0");
        rig.BringBack("class/infiniband/mlx5_0");
        rig.SetTx(9);

        // What was read of the old device is not said of the new one, and one sample without bytes lies between them.
        Assert.Null(rig.ReadAfter(Second).Sout.TxBytes);
        Assert.Equal(36ul, rig.Read().Sout.TxBytes);
        Assert.Equal((1, 0, 0), (rig.Log.Count("rail-lost"), rig.Log.Count("rail-counter-reset"), rig.Log.Count("rail-counter-missing")));
    }

    [Fact]
    public void A_device_that_flaps_does_not_flood_the_log()
    {
        using var rig = new SysfsRig();
        for (var i = 0; i < 1000; i++)
        {
            rig.Write($"{SysfsRig.Mlx5Port}/state", i % 2 == 0 ? "1: DOWN" : "4: ACTIVE");
            rig.ReadAfter(TimeSpan.FromMilliseconds(5));
        }

        Assert.True(rig.Log.Lines.Count() <= 20, string.Join('\n', rig.Log.Lines));
    }
}
