using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Registration;
using MpibAgent.Slots;

namespace MpibAgent.Status;

/// <summary>
/// What others may know of the agent: a snapshot beside the control FIFO, replaced when something has changed, at most once a second, and never
/// otherwise; on the loop's thread. A stop removes it, and the lock of <see cref="PublishedFile"/> tells of any other end.
/// </summary>
internal sealed class StatusFile : IHostedService, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly EventLoop _loop;
    private readonly SlotTable _table;
    private readonly PolicyEngine _policy;
    private readonly StatusPicture _picture;
    private readonly PublishedFile _file;

    public StatusFile(ControlOptions control, HintOptions hints, RegistrationOptions registration, RailOptions rails, EventLoop loop, HintRegion region,
        SlotTable table, PolicyEngine policy, ILogger<StatusFile> log)
    {
        var fifo = ControlPath.Choose(control, hints, out _);
        _path = PathBeside(fifo);
        _loop = loop;
        _table = table;
        _policy = policy;
        _picture = new StatusPicture(new AgentPaths(hints.Path, registration.Path, fifo, rails.SysRoot), hints, region, table, policy);
        _file = new PublishedFile(_path, Interval, loop, Compose, reason => Log.StatusNotWritten(log, _path, reason), () => Log.StatusWrittenAgain(log, _path));
    }

    /// <summary>How this agent started: fresh, restarted, recovered or taken-over.</summary>
    public string StartReason => _picture.StartReason;

    /// <summary>The path of the status of the agent that reads this FIFO.</summary>
    public static string PathBeside(string fifo) => Path.Combine(Path.GetDirectoryName(fifo)!, StatusSnapshot.FileName);

    public Task StartAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        // One that stopped has taken its file along.
        _picture.Begin(predecessorEnded: File.Exists(_path));
        _table.Changed += _file.WriteSoon;
        _policy.Decided += _file.WriteSoon;
        _policy.Steered += _file.WriteSoon;
        _file.Begin();
    });

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed -= _file.WriteSoon;
        _policy.Decided -= _file.WriteSoon;
        _policy.Steered -= _file.WriteSoon;
        _file.Remove();
    });

    public void Dispose() => _file.Dispose();

    private bool Compose(ArrayBufferWriter<byte> output)
    {
        using (var json = new Utf8JsonWriter(output))
        {
            _picture.Write(json);
        }

        output.Write("\n"u8);
        return true;
    }
}
