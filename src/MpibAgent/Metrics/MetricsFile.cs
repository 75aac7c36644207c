using System.Buffers;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Control;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Registration;
using MpibAgent.Slots;
using MpibAgent.Status;

namespace MpibAgent.Metrics;

/// <summary>
/// The metrics as a file for node_exporter's textfile collector. Off unless the settings name it. Replaced when something has changed; the bytes of
/// the rails change by themselves, so with rails in the settings it is also looked at while there are flows, and otherwise no timer is armed. A stop removes it.
/// Where it is off, not even the instruments are made.
/// </summary>
internal sealed class MetricsFile(MetricsOptions options, EventLoop loop, SlotTable table, Registrar registrar, PolicyEngine policy, ControlFifo control,
    RailReader rails, Func<AgentMetrics> makeMetrics, ILogger<MetricsFile> log) : IHostedService, IDisposable
{
    private readonly TimeSpan _interval = TimeSpan.FromSeconds(options.IntervalSeconds);
    private readonly ArrayBufferWriter<byte> _last = new();
    private AgentMetrics? _metrics;
    private TextExposition? _text;
    private PublishedFile? _file;
    private Observation? _read;
    private long _readAt;
    private bool _isAsking;

    public Task StartAsync(CancellationToken cancellationToken) => options.TextFile.Length == 0 ? Task.CompletedTask : loop.InvokeAsync(() =>
    {
        var path = options.TextFile;
        _file = new PublishedFile(path, _interval, loop, Compose, NotWritten, () => Log.MetricsWrittenAgain(log, path));
        _metrics = makeMetrics();
        _text = new TextExposition(_metrics, _file.WriteSoon);
        table.Changed += _file.WriteSoon;
        policy.Decided += _file.WriteSoon;
        policy.Steered += _file.WriteSoon;
        registrar.Refused += _file.WriteSoon;
        control.LineRefused += _file.WriteSoon;
        _file.Begin();
    });

    public Task StopAsync(CancellationToken cancellationToken) => loop.InvokeAsync(() =>
    {
        if (_file is { } file)
        {
            table.Changed -= file.WriteSoon;
            policy.Decided -= file.WriteSoon;
            policy.Steered -= file.WriteSoon;
            registrar.Refused -= file.WriteSoon;
            control.LineRefused -= file.WriteSoon;
            file.Remove();

            // An answer of the rails may still come.
            _file = null;
            _text?.Dispose();
        }
    });

    public void Dispose()
    {
        _file?.Dispose();
        _text?.Dispose();
    }

    /// <summary>Figures that stand still look like an agent at rest: none are better than old ones.</summary>
    private void NotWritten(string reason)
    {
        Log.MetricsNotWritten(log, options.TextFile, reason);
        _file?.Withdraw();
    }

    /// <summary>With what the counters show, which is there also where a policy could make no rate of it.</summary>
    private static Observation Shown(in RailsSeen seen) => seen.Sample with
    {
        Sout = seen.Sample.Sout with { TxBytes = seen.SoutSent },
        Sup = seen.Sample.Sup with { TxBytes = seen.SupSent },
    };

    /// <summary>False when it would be what it was.</summary>
    private bool Compose(ArrayBufferWriter<byte> output)
    {
        // What a policy sees at the moment, or what was read for the file before; of a rail that does not answer nothing.
        var isWatching = rails.Sout.IsConfigured || rails.Sup.IsConfigured;
        var seen = policy.Seen is { } found ? Shown(found) : (Observation?)null;
        if (seen is not null)
        {
            // What was read before it is older: a counter that falls back to that was reset, to who collects it.
            (_read, _readAt) = (seen, loop.Time.GetTimestamp());
        }

        var isRead = _read is not null && loop.Time.GetElapsedTime(_readAt) < 2 * _interval;
        _metrics!.Seen = isWatching && isRead ? _read : null;
        if (isWatching && seen is null && !_isAsking)
        {
            // The answer comes on the loop, and so later.
            rails.Ask(_interval, answer =>
            {
                (_isAsking, _read, _readAt) = (false, Shown(answer), loop.Time.GetTimestamp());
                if (_metrics.Seen is null)
                {
                    _file?.WriteSoon();
                }
            });
            _isAsking = true;
        }

        _text!.Write(output);
        if (isWatching && table.FlowCount > 0)
        {
            _file!.WriteSoon();
        }

        if (output.WrittenSpan.SequenceEqual(_last.WrittenSpan))
        {
            return false;
        }

        _last.ResetWrittenCount();
        _last.Write(output.WrittenSpan);
        return true;
    }
}
