using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

public sealed class TelemetryReporterTests : IDisposable
{
    private readonly Socket _collector = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 60_000 };
    private readonly TempDirectory _files = new();
    private readonly TelemetryOptions _options = new() { ReportPeriodMs = 10 };
    private int _observed;

    public TelemetryReporterTests()
    {
        _collector.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _options.Collector = _collector.LocalEndPoint!.ToString()!;
    }

    public void Dispose()
    {
        _collector.Dispose();
        _files.Dispose();
    }

    [Fact]
    public async Task Each_rails_load_goes_to_the_collector_while_there_are_flows()
    {
        await using var agent = await RunningAgent.StartAsync();
        var reporter = await StartAsync(agent, Rails(sout: 0.25, sup: 1));
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        var (first, second, third) = (Receive(), Receive(), Receive());
        Assert.Equal((0, 64, 1, 255, 0, 64), (first.Rail, first.Level, second.Rail, second.Level, third.Rail, third.Level));
        Assert.True(first.Sequence < second.Sequence && second.Sequence < third.Sequence && first.Timestamp < third.Timestamp);
        Assert.Equal(("127.0.0.1", "0.0.0.0", 0x0100007Fu), (first.Source.ToString(), first.Destination.ToString(), first.Sender));

        client.Deregister(1);
        var observed = agent.OnLoop(() => _observed);
        await LaterAsync(agent);
        Assert.Equal(observed, agent.OnLoop(() => _observed));
        await StopAsync(reporter);
    }

    [Fact]
    public async Task A_report_is_one_that_a_listener_takes()
    {
        _options.KeyFile = _files["key"];
        File.WriteAllBytes(_options.KeyFile, TelemetryRig.Key);
        File.SetUnixFileMode(_options.KeyFile, UnixFileMode.UserRead);
        await using var agent = await RunningAgent.StartAsync();
        await using var rig = await TelemetryRig.StartAsync(key: TelemetryRig.Key, configure: options => options.ExpiryMs = 60_000);
        _options.Collector = rig.Endpoint.ToString();
        var reporter = await StartAsync(agent, Rails(sout: 0, sup: 2));
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        rig.WaitForDatagrams(4);
        Assert.Equal(new PathLevels(0, 255, SupCongested: true), rig.Find("127.0.0.1", "10.9.9.9"));
        Assert.Equal(0, rig.Log.Count("telemetry-refused"));
        await StopAsync(reporter);
    }

    [Fact]
    public async Task The_next_reporter_goes_on_above_what_this_one_sent()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        var first = await StartAsync(agent, Rails(0, 0));
        var sent = Enumerable.Range(0, 4).Select(_ => Receive().Sequence).Max();
        await StopAsync(first);
        while (_collector.Available > 0)
        {
            sent = Receive().Sequence;
        }

        var second = await StartAsync(agent, Rails(0, 0));
        Assert.True(Receive().Sequence > sent);
        await StopAsync(second);
    }

    [Theory]
    [InlineData("cannot be read")]
    [InlineData("goes back")]
    [InlineData("is of a link that is down")]
    [InlineData("is of a link of unknown rate")]
    public async Task A_rail_whose_counter_does_not_tell_its_load_is_not_reported(string counter)
    {
        await using var agent = await RunningAgent.StartAsync();
        var rails = Rails(sout: 0.25, sup: 0.5);
        var reporter = await StartAsync(agent, () =>
        {
            var seen = rails();
            return seen with
            {
                Sout = counter switch
                {
                    "cannot be read" => seen.Sout with { TxBytes = null },
                    "goes back" => seen.Sout with { TxBytes = 1_000_000_000 - seen.Sout.TxBytes },
                    "is of a link that is down" => seen.Sout with { IsUp = false },
                    _ => seen.Sout with { LinkRate = 0 },
                },
            };
        });
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        for (var i = 0; i < 3; i++)
        {
            var report = Receive();
            Assert.Equal((1, 128), (report.Rail, report.Level));
        }

        await StopAsync(reporter);
    }

    [Fact]
    public async Task Nothing_is_observed_without_a_flow_or_without_a_collector()
    {
        await using var agent = await RunningAgent.StartAsync();
        var idle = await StartAsync(agent, Rails(0, 0));
        _options.Collector = "";
        var off = await StartAsync(agent, Rails(0, 0));
        await LaterAsync(agent);
        Assert.Equal(0, agent.OnLoop(() => _observed));
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        await StopAsync(idle);
        var observed = agent.OnLoop(() => _observed);
        await LaterAsync(agent);
        Assert.Equal(observed, agent.OnLoop(() => _observed));
        await StopAsync(off);
    }

    [Fact]
    public async Task A_collector_that_is_not_there_is_no_trouble_and_told_once()
    {
        _collector.Dispose();
        await using var agent = await RunningAgent.StartAsync();
        var reporter = await StartAsync(agent, Rails(0.5, 0.5));
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        Wait.Until(() => agent.OnLoop(() => reporter.Sent) > 20);
        Assert.Equal(1, agent.Log.Count("load-not-sent"));
        await StopAsync(reporter);
    }

    [Fact]
    public async Task It_goes_on_after_a_moment_without_memory()
    {
        await using var agent = await RunningAgent.StartAsync();
        var (asked, rails) = (0, Rails(0.5, 0.5));
        var reporter = await StartAsync(agent, () => ++asked == 3 ? throw new InsufficientMemoryException() : rails());
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), new Ipv4Address(2));
        Wait.Until(() => agent.OnLoop(() => reporter.Sent) > 20);
        await StopAsync(reporter);
    }

    private async Task<TelemetryReporter> StartAsync(RunningAgent agent, Func<Observation> observe)
    {
        var reporter = new TelemetryReporter(_options, agent.Loop, agent.Table, answer => answer(observe()), agent.Log.For<TelemetryReporter>());
        await reporter.StartAsync(CancellationToken.None);
        return reporter;
    }

    private static async Task StopAsync(TelemetryReporter reporter)
    {
        await reporter.StopAsync(CancellationToken.None);
        reporter.Dispose();
    }

    /// <summary>Rails of a million bytes a second that are as busy as this.</summary>
    private Func<Observation> Rails(double sout, double sup) => () =>
    {
        var time = TimeSpan.FromMilliseconds(10) * ++_observed;
        return new Observation(time, Sample(sout, time), Sample(sup, time));
    };

    private static RailSample Sample(double load, TimeSpan time) => new()
    {
        IsUp = true,
        LinkRate = 1_000_000,
        TxBytes = (ulong)Math.Round(load * 1_000_000 * time.TotalSeconds),
    };

    /// <summary>A timer of the same loop, set later for longer than the period: the reporter's would have come first.</summary>
    private async Task LaterAsync(RunningAgent agent)
    {
        var later = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await agent.Loop.InvokeAsync(() => agent.Loop.CreateTimer(later.SetResult).Arm(TimeSpan.FromMilliseconds(_options.ReportPeriodMs * 5)));
        await later.Task;
    }

    private CongestionReport Receive()
    {
        var bytes = new byte[100];
        Assert.Equal(CongestionReport.DatagramSize, _collector.Receive(bytes));
        return MemoryMarshal.Read<CongestionReport>(bytes);
    }
}
