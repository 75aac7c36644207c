using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Slots;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

/// <summary>The table on a clock that the test moves, and on a loop that is not started: its timer is looked at by hand.</summary>
public sealed class PathLevelTableTests : IDisposable
{
    private static readonly Flow Path = Flow("10.0.0.1", "10.0.0.2");
    private readonly ManualTime _time = new();
    private readonly TestLifetime _lifetime = new();
    private readonly EventLoop _loop;
    private readonly PathLevelTable _table;
    private int _crossed;

    public PathLevelTableTests()
    {
        _loop = new EventLoop(_time, _lifetime, NullLogger<EventLoop>.Instance);
        _table = new PathLevelTable(new TelemetryOptions { Listen = "127.0.0.1:0" }, _loop);
        _table.Crossed += () => _crossed++;
    }

    public void Dispose()
    {
        _loop.Dispose();
        _lifetime.Dispose();
    }

    [Fact]
    public void A_report_tells_of_one_rail_until_it_expires()
    {
        Report(Path, 0, 7);
        Assert.Equal(new PathLevels(7, null), _table.Find(Path));
        _time.Advance(100);
        Report(Path, 1, 8);
        Assert.Equal(new PathLevels(7, 8), _table.Find(Path));
        _time.Advance(149);
        Assert.Equal(new PathLevels(7, 8), _table.Find(Path));
        _time.Advance(1);
        Assert.Equal(new PathLevels(null, 8), _table.Find(Path));
        _time.Advance(100);
        Assert.Equal(default, _table.Find(Path));
    }

    [Fact]
    public void Another_report_begins_the_time_anew()
    {
        Report(Path, 0, 7);
        _time.Advance(200);
        Report(Path, 0, 9);
        _time.Advance(200);
        Assert.Equal(new PathLevels(9, null), _table.Find(Path));
    }

    [Fact]
    public void Of_each_rail_the_closest_report_counts()
    {
        Report(Flow("0.0.0.0", "0.0.0.0"), 0, 1);
        Assert.Equal(new PathLevels(1, null), _table.Find(Path));
        Report(Flow("10.0.0.1", "0.0.0.0"), 0, 2);
        Assert.Equal(new PathLevels(2, null), _table.Find(Path));
        Report(Flow("0.0.0.0", "10.0.0.2"), 0, 3);
        Report(Flow("0.0.0.0", "10.0.0.2"), 1, 4);
        Assert.Equal(new PathLevels(3, 4), _table.Find(Path));
        Report(Path, 0, 5);
        Assert.Equal(new PathLevels(5, 4), _table.Find(Path));
        Assert.Equal(new PathLevels(1, null), _table.Find(Flow("10.0.0.9", "10.0.0.9")));
    }

    [Fact]
    public void Congestion_begins_over_240_and_ends_below_200_a_moment_later()
    {
        // Level, milliseconds until the next, congested.
        (byte Level, double Then, bool Expected)[] steps =
        [
            (240, 1, false), (241, 1, true), (240, 5, true), (200, 5, true), (199, 8, true), (199, 1, true), (150, 1, false), (220, 1, false), (240, 1, false), (255, 30, true),
            (200, 30, true), (199, 1, false),
        ];
        foreach (var (level, then, expected) in steps)
        {
            Report(Path, 1, level);
            Assert.Equal(new PathLevels(null, level, SupCongested: expected), _table.Find(Path));
            _time.Advance(then);
        }

        Assert.Equal(4, _crossed);
    }

    [Fact]
    public void Congestion_ends_also_when_no_report_comes_to_say_so_again()
    {
        Report(Path, 0, 250);
        Report(Path, 0, 10);
        Assert.True(_table.Find(Path).SoutCongested);
        _time.Advance(20);
        Assert.False(_table.Find(Path).SoutCongested);
        Report(Path, 0, 220);
        Assert.False(_table.Find(Path).SoutCongested);
    }

    [Fact]
    public void Congestion_expires_with_its_report_and_that_is_told()
    {
        Report(Path, 0, 250);
        Assert.Equal(1, _crossed);
        _time.Advance(250);
        Assert.Equal(default, _table.Find(Path));
        Report(Flow("1.1.1.1", "1.1.1.1"), 0, 0);
        Assert.Equal(2, _crossed);
        Assert.Equal(1, _table.Count);
        Report(Path, 0, 220);
        Assert.Equal(new PathLevels(220, null), _table.Find(Path));
    }

    [Fact]
    public void A_full_table_takes_no_other_path_until_one_expires()
    {
        for (var i = 0u; i < PathLevelTable.Capacity; i++)
        {
            Report(new Flow(new Ipv4Address(i + 1), default), 0, (byte)i);
        }

        Assert.False(_table.TryReport(Path, 0, 1));
        Assert.True(_table.TryReport(new Flow(new Ipv4Address(1), default), 1, 1));
        _time.Advance(250);
        Assert.True(_table.TryReport(Path, 0, 1));
        Assert.Equal(1, _table.Count);
        Assert.Equal(new PathLevels(1, null), _table.Find(Path));
    }

    [Fact]
    public void Any_reports_leave_what_a_plain_model_says() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 1], Gen.Byte, Gen.Int[0, 120]).Array[1, 60].Sample(steps =>
        {
            var time = new ManualTime();
            using var loop = new EventLoop(time, _lifetime, NullLogger<EventLoop>.Instance);
            var table = new PathLevelTable(new TelemetryOptions { Listen = "127.0.0.1:0" }, loop);
            var model = new Dictionary<(int, int), (byte Level, long At)>();
            foreach (var (path, rail, level, wait) in steps)
            {
                Assert.True(table.TryReport(new Flow(new Ipv4Address((uint)path + 1), new Ipv4Address(9)), rail, level));
                model[(path, rail)] = (level, time.GetTimestamp());
                time.Advance(wait);
                for (var i = 0; i < 4; i++)
                {
                    var found = table.Find(new Flow(new Ipv4Address((uint)i + 1), new Ipv4Address(9)));
                    Assert.Equal((Expected(i, 0), Expected(i, 1)), (found.Sout, found.Sup));
                }
            }

            byte? Expected(int path, int rail) =>
                model.TryGetValue((path, rail), out var last) && time.GetElapsedTime(last.At) < TimeSpan.FromMilliseconds(250) ? last.Level : null;
        }, iter: 500, threads: 1);

    private static Flow Flow(string source, string destination) => new(Ipv4Address.Parse(source), Ipv4Address.Parse(destination));

    private void Report(Flow path, int rail, byte level)
    {
        Assert.True(_table.TryReport(path, rail, level));
        _table.Announce();
    }
}
