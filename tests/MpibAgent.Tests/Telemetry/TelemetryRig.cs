using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Policy;
using MpibAgent.Slots;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

/// <summary>A listener on a port of its own, and the table behind it, on a loop of its own or on an agent's.</summary>
internal sealed class TelemetryRig : IAsyncDisposable
{
    private readonly TestLifetime _lifetime = new();
    private readonly bool _ownsLoop;
    private readonly bool _ownsFiles;
    private readonly StateFile _state;

    private TelemetryRig(TempDirectory? files, EventLoop? loop, TimeProvider? time, byte[]? key, Action<TelemetryOptions>? configure)
    {
        _ownsFiles = files is null;
        Files = files ?? new TempDirectory();
        Options.Listen = "127.0.0.1:0";
        Options.AllowedSenders = "127.0.0.1";
        if (key is not null)
        {
            Options.KeyFile = Files["key"];
            File.WriteAllBytes(Options.KeyFile, key);
            File.SetUnixFileMode(Options.KeyFile, UnixFileMode.UserRead);
        }

        configure?.Invoke(Options);
        _ownsLoop = loop is null;
        Loop = loop ?? new EventLoop(time ?? TimeProvider.System, _lifetime, Log.For<EventLoop>());
        Table = new PathLevelTable(Options, Loop);
        _state = new StateFile(new StateOptions { Path = Files["state"] }, new ControlOptions(), new HintOptions(), Log.For<StateFile>());
        Listener = new TelemetryListener(Options, Loop, Table, _state, Log.For<TelemetryListener>());
    }

    public static byte[] Key { get; } = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    public TempDirectory Files { get; }

    public TelemetryOptions Options { get; } = new();

    public CapturedLog Log { get; } = new();

    public EventLoop Loop { get; }

    public PathLevelTable Table { get; }

    public TelemetryListener Listener { get; }

    public Ipv4Endpoint Endpoint => Listener.Endpoint!.Value;

    public static async Task<TelemetryRig> StartAsync(TempDirectory? files = null, EventLoop? loop = null, TimeProvider? time = null, byte[]? key = null,
        Action<TelemetryOptions>? configure = null)
    {
        var rig = new TelemetryRig(files, loop, time, key, configure);
        try
        {
            if (rig._ownsLoop)
            {
                await rig.Loop.StartAsync(CancellationToken.None);
            }

            await rig.Listener.StartAsync(CancellationToken.None);
            if (rig._ownsLoop)
            {
                await rig.Loop.StartedAsync(CancellationToken.None);
            }
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }

        return rig;
    }

    public CongestionSender Sender(byte[]? key = null, string from = "127.0.0.1") => new(Endpoint, key, from);

    public PathLevels Find(string source, string destination) => OnLoop(() => Table.Find(
        new Flow(MpibAgent.Interface.Ipv4Address.Parse(source), MpibAgent.Interface.Ipv4Address.Parse(destination))));

    /// <summary>Waits until so many datagrams have been accepted or refused.</summary>
    public void WaitForDatagrams(ulong count) => Wait.Until(() => OnLoop(() =>
        Listener.Accepted + Enum.GetValues<Refusal>().Where(reason => reason != Refusal.None)
            .Aggregate(0ul, (sum, reason) => sum + Listener.RefusedFor(reason))) >= count);

    /// <summary>A look at something that belongs to the loop's thread, taken there.</summary>
    public T OnLoop<T>(Func<T> look)
    {
        T result = default!;
        Loop.InvokeAsync(() => result = look()).Wait();
        return result;
    }

    public async ValueTask DisposeAsync()
    {
        await Listener.StopAsync(CancellationToken.None);
        Listener.Dispose();
        if (_ownsLoop)
        {
            await Loop.StopAsync(CancellationToken.None);
            Loop.Dispose();
        }

        _state.Dispose();
        _lifetime.Dispose();
        if (_ownsFiles)
        {
            Files.Dispose();
        }
    }
}
