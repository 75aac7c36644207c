using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

/// <summary>Real interfaces of a network namespace of the test's own, seen through a sysfs that is mounted for it.</summary>
public sealed partial class VethTests : IDisposable
{
    private const int Payload = 1000;

    private readonly string _namespace = $"mpib-rails-{Environment.ProcessId}";
    private readonly TempDirectory _files = new();
    private readonly CapturedLog _log = new();

    public void Dispose()
    {
        Run("umount", "--lazy", _files["sys"]);
        Run("ip", "netns", "delete", _namespace);
        _files.Dispose();
    }

    [Fact]
    public void Real_bytes_a_real_link_and_a_real_device_that_goes_and_returns()
    {
        MakeRails();
        var options = new RailOptions { Sout = "sout", Sup = "sup", SupGbps = 0.1, SysRoot = _files["sys"] };
        using var pair = new RailPair(options, TimeProvider.System, _log.For<RailPair>());
        Wait.Until(() => Read(pair) is { Sout.IsUp: true, Sup.IsUp: true });
        var before = Read(pair);
        Assert.Equal((1.25e9, 12.5e6), (before.Sout.LinkRate, before.Sup.LinkRate));

        Send(rail: 1, count: 200);
        Send(rail: 2, count: 600);
        var after = Read(pair);
        AssertSent(200, after.Sout.TxBytes - before.Sout.TxBytes);
        AssertSent(600, after.Sup.TxBytes - before.Sup.TxBytes);
        Assert.True(after.Time > before.Time);

        Assert.Equal(0, Inside("ip", "link", "set", "sup-far", "down"));
        Wait.Until(() => Read(pair) is { Sout.IsUp: true, Sup.IsUp: false });
        Assert.Equal(0, Inside("ip", "link", "set", "sup-far", "up"));
        Wait.Until(() => Read(pair).Sup.IsUp);

        Assert.Equal(0, Inside("ip", "link", "delete", "sup"));
        Wait.Until(() => !Read(pair).Sup.IsUp);
        Assert.Equal(1, _log.Count("rail-lost"));
        MakeRail("sup", 2);
        Wait.Until(() => Read(pair).Sup is { IsUp: true, TxBytes: not null });
        Assert.Equal(3, _log.Count("rail-found"));
    }

    [Fact]
    public async Task A_link_that_goes_down_is_told_however_seldom_the_rails_are_read()
    {
        MakeRails();
        var policy = new Seldom();
        await using var agent = await StartAsync(policy);
        Assert.DoesNotContain(LinkListener, NetlinkSockets(), StringComparison.Ordinal);

        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        Wait.Until(() => policy.Last is { TellsLinks: true, Sout.IsUp: true, Sup.IsUp: true });
        Assert.Equal(0, Inside("ip", "link", "set", "sup-far", "down"));
        Wait.Until(() => policy.Last is { Sout.IsUp: true, Sup.IsUp: false });
        Assert.Equal(0, Inside("ip", "link", "set", "sup-far", "up"));
        Wait.Until(() => policy.Last is { Sout.IsUp: true, Sup.IsUp: true });
        Assert.Equal(0, Inside("ip", "link", "delete", "sup"));
        Wait.Until(() => policy.Last is { TellsLinks: false, Sup.IsUp: false });

        Assert.Contains(LinkListener, NetlinkSockets(), StringComparison.Ordinal);
        client.Deregister(1);
        Wait.Until(() => !NetlinkSockets().Contains(LinkListener, StringComparison.Ordinal));
    }

    /// <summary>A NIC in a loop of resets: its own link comes and goes while a read of it hangs.</summary>
    [Fact]
    public async Task News_of_links_do_not_put_off_that_a_rail_does_not_answer_and_tell_of_the_other_one_meanwhile()
    {
        MakeRails();
        using var device = new StuckFile(Path.GetFullPath(Path.Combine(_files["sys"], "devices/virtual/net/sup/statistics/tx_bytes")));
        var policy = new Seldom();
        await using var agent = await StartAsync(policy);
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        Wait.Until(() => policy.Last is { TellsLinks: true, Sout.IsUp: true, Sup.IsUp: true });

        device.IsStuck = true;
        Wait.Until(() => Inside("ip", "link", "set", "sup-far", "down") + Inside("ip", "link", "set", "sup-far", "up") == 0 && agent.Log.Count("rail-stuck") > 0);
        Wait.Until(() => policy.Last is { Sout.IsUp: true, Sup.IsUp: false });

        Assert.Equal(0, Inside("ip", "link", "set", "sout-far", "down"));
        Wait.Until(() => policy.Last is { Sout.IsUp: false, Sup.IsUp: false });
        Assert.Equal(0, Inside("ip", "link", "set", "sout-far", "up"));
        Wait.Until(() => policy.Last is { Sout.IsUp: true, Sup.IsUp: false });

        device.IsStuck = false;
        Wait.Until(() => policy.Last is { Sout.IsUp: true, Sup.IsUp: true });
    }

    [Fact]
    public async Task What_other_interfaces_do_leads_to_no_reading()
    {
        MakeRails();
        var policy = new Seldom();
        await using var agent = await StartAsync(policy);
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        Wait.Until(() => policy.Last is { Sout.IsUp: true, Sup.IsUp: true });
        var asked = policy.Asked;

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(0, Inside("ip", "link", "add", "other", "type", "veth", "peer", "name", "other-far"));
            Assert.Equal(0, Inside("ip", "link", "delete", "other"));
        }

        // Events come in order: with the first of its own those of the other, forty at least, have been passed over.
        Assert.Equal(0, Inside("ip", "link", "set", "sup", "mtu", "1400"));
        Wait.Until(() => policy.Asked > asked);
        Assert.InRange(policy.Asked, asked + 1, asked + 5);
    }

    /// <summary>Its loop is in the namespace, and so hears of the links there.</summary>
    private async Task<RunningAgent> StartAsync(ISplitPolicy policy)
    {
        var agent = await RunningAgent.StartAsync(policy: policy, configure: options =>
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = ("sout", "sup", _files["sys"]));
        agent.OnLoop(() => EnterNamespace());
        return agent;
    }

    private static void AssertSent(int count, ulong? bytes)
    {
        // Its headers come on top, and what an interface that has just come up says of itself.
        Assert.InRange(bytes ?? 0, (ulong)count * Payload, (ulong)count * (Payload + 100) + 20_000);
    }

    /// <summary>A period so long that no reading is discarded on a busy machine.</summary>
    private static Observation Read(RailPair pair) => pair.Read(TimeSpan.FromHours(1)).Sample;

    private void MakeRails()
    {
        Prerequisites.RequireRoot();
        Prerequisites.RequireCommand("ip", "iproute2");
        Prerequisites.RequireCommand("nsenter", "util-linux");
        Prerequisites.Require(Run("ip", "netns", "add", _namespace) == 0, "the right to make network namespaces");
        Directory.CreateDirectory(_files["sys"]);

        // A sysfs shows the network namespace of the process that mounts it.
        Prerequisites.Require(Inside("mount", "-t", "sysfs", "-o", "ro", "sysfs", _files["sys"]) == 0, "the right to mount sysfs");
        MakeRail("sout", 1);
        MakeRail("sup", 2);
    }

    private void MakeRail(string name, int number)
    {
        var near = string.Create(CultureInfo.InvariantCulture, $"10.77.{number}.1/24");
        Assert.Equal(0, Inside("ip", "link", "add", name, "type", "veth", "peer", "name", name + "-far"));
        Assert.Equal(0, Inside("ip", "address", "add", near, "dev", name));
        Assert.Equal(0, Inside("ip", "link", "set", name, "up"));
        Assert.Equal(0, Inside("ip", "link", "set", name + "-far", "up"));
        Assert.Equal(0, Inside("ip", "neighbour", "add", FarOf(number), "lladdr", "02:00:00:00:00:01", "dev", name));
    }

    private void Send(int rail, int count) => Assert.Equal(0, Inside("bash", "-c", string.Create(CultureInfo.InvariantCulture,
        $"head -c {count * Payload} /dev/zero | dd bs={Payload} iflag=fullblock status=none >/dev/udp/{FarOf(rail)}/9")));

    private static string FarOf(int rail) => string.Create(CultureInfo.InvariantCulture, $"10.77.{rail}.2");

    /// <summary>As "ip netns exec" does it for a process, but for the calling thread.</summary>
    private bool EnterNamespace()
    {
        using var handle = File.OpenHandle($"/run/netns/{_namespace}");
        Assert.Equal(0, SetNamespace(handle, NetworkNamespace));
        return true;
    }

    /// <summary>All of the namespace: family, receiver and groups of each.</summary>
    private string NetlinkSockets()
    {
        using var process = Process.Start(new ProcessStartInfo("nsenter", [$"--net=/run/netns/{_namespace}", "awk", "{print $2, $4}", "/proc/net/netlink"])
        {
            RedirectStandardOutput = true,
        })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }

    private int Inside(params string[] command) => Run("nsenter", [$"--net=/run/netns/{_namespace}", .. command]);

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        TestContext.Current.SendDiagnosticMessage(process.StandardError.ReadToEnd());
        process.WaitForExit();
        return process.ExitCode;
    }

    private const int NetworkNamespace = 0x40000000;

    /// <summary>NETLINK_ROUTE and RTMGRP_LINK, as /proc/net/netlink shows them.</summary>
    private const string LinkListener = "0 00000001";

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle handle, int type);

    /// <summary>Wants to be asked once an hour, and remembers what it was shown.</summary>
    private sealed class Seldom : ISplitPolicy
    {
        private int _asked;
        private volatile object? _last;

        public int Asked => Volatile.Read(ref _asked);

        public Observation? Last => (Observation?)_last;

        public string Name => "seldom";

        public TimeSpan? Period => TimeSpan.FromHours(1);

        public string Reason => "";

        public void Decide(in Observation seen, ReadOnlySpan<PathLevels> paths, Span<double> shares)
        {
            _last = seen;
            Interlocked.Increment(ref _asked);
            shares.Fill(0.5);
        }
    }
}
