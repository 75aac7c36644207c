using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Slots;

/// <summary>A table with the region and the state file under it, started. Made again on the same files it is the next agent.</summary>
internal sealed class TestTable : IDisposable
{
    private readonly TestLifetime _lifetime = new();
    private readonly EventLoop _loop;

    public TestTable(TempDirectory files, LimitOptions? limits = null, CapturedLog? log = null, HintEncoding encoding = HintEncoding.Multiplier, uint initial = 1,
        string? state = null)
    {
        log ??= new CapturedLog();
        var hints = new HintOptions { Path = files["hints"], Encoding = encoding, Initial = initial };
        _loop = new EventLoop(TimeProvider.System, _lifetime, log.For<EventLoop>());
        Region = new HintRegion(hints, log.For<HintRegion>());
        State = new StateFile(new StateOptions { Path = state ?? files["state"] }, new ControlOptions(), hints, log.For<StateFile>());
        Table = new SlotTable(Region, State, hints, limits ?? new LimitOptions(), _loop, log.For<SlotTable>());
        try
        {
            Region.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
            Table.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public HintRegion Region { get; }

    public StateFile State { get; }

    public SlotTable Table { get; }

    public static ProcessIdentity Process(int pid, uint uid = 0) => new(pid, uid, (ulong)pid * 1000);

    public void Dispose()
    {
        State.Dispose();
        Region.Dispose();
        _loop.Dispose();
        _lifetime.Dispose();
    }
}
