using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Interface;
using MpibAgent.Logging;
using MpibAgent.Policy;
using MpibAgent.Slots;

namespace MpibAgent.Telemetry;

/// <summary>
/// Tells a collector how busy this host's rails are, in congestion reports of its own, while flows are registered. Owns its socket; on the loop's
/// thread. Off unless the settings name a collector; without a flow nothing is sent and no timer is armed.
/// </summary>
internal sealed class TelemetryReporter : IHostedService, IDisposable
{
    // A collector may be away for a day, and ten reports a second with it.
    private static readonly TimeSpan BetweenComplaints = TimeSpan.FromMinutes(10);

    private readonly TelemetryOptions _options;
    private readonly EventLoop _loop;
    private readonly SlotTable _table;
    private readonly ILogger<TelemetryReporter> _log;
    private readonly FloodGate _complaints;
    private readonly LoopTimer _timer;
    private readonly byte[] _datagram = new byte[CongestionReport.DatagramSize];
    private ReportKey? _key;
    private Ipv4Endpoint _collector;
    private UdpSocket? _socket;
    private Observation? _last;
    private ulong _sequence;
    private bool _isAsking, _isStopped;

    /// <summary>A reporter of what <paramref name="observe"/> reads of the rails and then hands over, on the loop's thread.</summary>
    public TelemetryReporter(TelemetryOptions options, EventLoop loop, SlotTable table, Action<Action<Observation>> observe, ILogger<TelemetryReporter> log)
    {
        _options = options;
        _loop = loop;
        _table = table;
        _log = log;
        _complaints = new FloodGate(loop.Time, limit: 1, BetweenComplaints);
        _timer = loop.CreateTimer(() =>
        {
            if (!_isAsking)
            {
                _isAsking = true;
                try
                {
                    observe(Report);
                }
                catch (OutOfMemoryException)
                {
                    // The loop calls again.
                    _isAsking = false;
                    throw;
                }
            }
        });
    }

    /// <summary>Reports that went out.</summary>
    public ulong Sent { get; private set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!Ipv4Endpoint.TryParse(_options.Collector, out _collector))
        {
            return Task.CompletedTask;
        }

        _key = _options.KeyFile.Length > 0 ? ReportKey.Read(_options.KeyFile) : null;
        Log.TelemetryReporting(_log, _collector, _options.ReportPeriodMs);
        return _loop.InvokeAsync(() =>
        {
            _table.Changed += ArmWhileFlowsLast;
            ArmWhileFlowsLast();
        });
    }

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed -= ArmWhileFlowsLast;
        _timer.Disarm();
        _isStopped = true;
        Dispose();
    });

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private void ArmWhileFlowsLast()
    {
        if (_table.FlowCount == 0)
        {
            _timer.Disarm();
            _last = null;
        }
        else if (!_timer.IsArmed)
        {
            _timer.Arm(TimeSpan.FromMilliseconds(_options.ReportPeriodMs));
        }
    }

    /// <summary>A rail that does not answer keeps it waiting, and then nothing is reported.</summary>
    private void Report(Observation seen)
    {
        _isAsking = false;
        if (_isStopped || _table.FlowCount == 0)
        {
            return;
        }

        if (_last is { } last && seen.Time > last.Time)
        {
            var elapsed = seen.Time - last.Time;
            Send(0, Level(last.Sout, seen.Sout, elapsed), seen.Time);
            Send(1, Level(last.Sup, seen.Sup, elapsed), seen.Time);
        }

        _last = seen;
        ArmWhileFlowsLast();
    }

    /// <summary>The part of the link's rate that was sent, of 255; null when that is not known.</summary>
    private static byte? Level(RailSample before, RailSample now, TimeSpan elapsed) =>
        before.TxBytes is { } first && now.TxBytes is { } second && second >= first && now is { IsUp: true, LinkRate: > 0 }
            ? (byte)Math.Min(byte.MaxValue, Math.Round(byte.MaxValue * (second - first) / elapsed.TotalSeconds / now.LinkRate))
            : null;

    private void Send(byte rail, byte? level, TimeSpan measured)
    {
        if (level is null)
        {
            return;
        }

        // Connected late and again: at boot there may be no way to the collector yet.
        if ((_socket ??= UdpSocket.TryConnect(_collector)) is not { } socket)
        {
            ComplainOf(Marshal.GetLastPInvokeErrorMessage());
            return;
        }

        var own = socket.LocalEndpoint.Address;

        // A later start begins above all that went out before: the clock is ahead by then, and one tick a report is slower than any clock.
        var clock = (ulong)(_loop.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        _sequence = Math.Max(_sequence + 1, clock);
        var report = new CongestionReport
        {
            Rail = rail,
            Level = level.Value,
            Source = own,
            Sender = own.Raw,
            Sequence = _sequence,
            Timestamp = (ulong)measured.Ticks * TimeSpan.NanosecondsPerTick,
        };
        MemoryMarshal.Write(_datagram, in report);
        _key?.Sign(_datagram);
        if (socket.TrySend(_datagram))
        {
            Sent++;
            return;
        }

        // Its own address may have gone: the next one starts over.
        ComplainOf(Marshal.GetLastPInvokeErrorMessage());
        Dispose();
    }

    private void ComplainOf(string reason)
    {
        if (_complaints.Admit())
        {
            Log.LoadNotSent(_log, _collector, reason);
        }
    }
}
