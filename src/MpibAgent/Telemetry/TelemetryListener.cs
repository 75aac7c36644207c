using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Interface;
using MpibAgent.Slots;

namespace MpibAgent.Telemetry;

/// <summary>
/// Takes congestion reports (UDP, doc/interface.md): what is from an allowed sender, well-formed, signed and new goes to the <see cref="PathLevelTable"/>, the
/// rest changes nothing and is counted. Owns the socket; on the loop's thread. Off unless the settings say where to listen.
/// </summary>
internal sealed class TelemetryListener : IHostedService, IDisposable
{
    // A flood has its turn, and then the others have theirs.
    private const int DatagramsPerTurn = 64;
    private static readonly TimeSpan BetweenComplaints = TimeSpan.FromSeconds(10);

    private readonly TelemetryOptions _options;
    private readonly EventLoop _loop;
    private readonly PathLevelTable _table;
    private readonly ILogger<TelemetryListener> _log;
    private readonly SenderSequences _sequences;
    private readonly SenderList _senders;
    private readonly LoopTimer _complaintTimer;
    private readonly ulong[] _outcomes = new ulong[(int)Refusal.TableFull + 1];
    private readonly ulong[] _told = new ulong[(int)Refusal.TableFull + 1];

    // One byte more than a report, so that a longer datagram shows.
    private readonly byte[] _buffer = new byte[CongestionReport.DatagramSize + 1];
    private ReportKey? _key;
    private UdpSocket? _socket;
    private Ipv4Address _lastRefused;
    private uint _droppedTold;

    public TelemetryListener(TelemetryOptions options, EventLoop loop, PathLevelTable table, StateFile state, ILogger<TelemetryListener> log)
    {
        _options = options;
        _loop = loop;
        _table = table;
        _log = log;
        _sequences = new SenderSequences(loop.Time, options.KeyFile.Length > 0 ? SenderSequences.PathIn(state.Directory) : null, log);
        _senders = SenderList.TryParse(options.AllowedSenders, out var senders) ? senders : throw new Fault("[Telemetry] AllowedSenders is no list of senders");
        _complaintTimer = loop.CreateTimer(Complain);
    }

    /// <summary>Where it listens; null when it does not.</summary>
    public Ipv4Endpoint? Endpoint => _socket?.LocalEndpoint;

    /// <summary>Reports that were accepted.</summary>
    public ulong Accepted => _outcomes[(int)Refusal.None];

    /// <summary>Datagrams that the kernel dropped before they got here.</summary>
    public uint Dropped => _socket?.Dropped ?? 0;

    /// <summary>Datagrams that were refused for one reason.</summary>
    public ulong RefusedFor(Refusal reason) => _outcomes[(int)reason];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!Ipv4Endpoint.TryParse(_options.Listen, out var endpoint))
        {
            return Task.CompletedTask;
        }

        _key = _options.KeyFile.Length > 0 ? ReportKey.Read(_options.KeyFile) : null;
        _sequences.Open();
        var socket = UdpSocket.Bind(endpoint);
        _socket = socket;
        Log.TelemetryListening(_log, socket.LocalEndpoint, _options.AllowedSenders, _key is null ? "unsigned" : "signed");
        return _loop.InvokeAsync(() => _loop.Add(socket.Descriptor, Ready.Read, _ => Receive()));
    }

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        if (_socket is { Descriptor: >= 0 } socket)
        {
            _loop.Forget(socket.Descriptor);
            _complaintTimer.Disarm();
        }

        Dispose();
    });

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
        _sequences.Dispose();
    }

    private void Receive()
    {
        var taken = 0;
        Ipv4Address sender = default;
        for (; taken < DatagramsPerTurn; taken++)
        {
            var count = _socket!.Receive(_buffer, out sender);
            if (count < 0)
            {
                break;
            }

            var outcome = Take(_buffer.AsSpan(0, count), sender);
            _outcomes[(int)outcome]++;
            if (outcome != Refusal.None)
            {
                _lastRefused = sender;
                if (!_complaintTimer.IsArmed)
                {
                    // At the end of this turn, with the others of it.
                    _complaintTimer.Arm(TimeSpan.Zero);
                }
            }
        }

        if (taken == DatagramsPerTurn && !_complaintTimer.IsArmed)
        {
            // Where so many wait at once the kernel may have dropped some, good ones too.
            _lastRefused = sender;
            _complaintTimer.Arm(BetweenComplaints);
        }

        _table.Announce();
    }

    /// <summary>What costs least is looked at first, and nothing is remembered of a datagram before its MAC fits.</summary>
    private Refusal Take(ReadOnlySpan<byte> datagram, Ipv4Address sender)
    {
        if (!_senders.Contains(sender))
        {
            return Refusal.ForbiddenSender;
        }

        var refusal = ReportDatagram.Read(datagram, out var report);
        if (refusal != Refusal.None)
        {
            return refusal;
        }

        if (_key is null ? (report.MacLow | report.MacHigh) != 0 : !_key.Verify(datagram))
        {
            return Refusal.BadMac;
        }

        refusal = _sequences.Advance(report.Sender, report.Sequence);
        if (refusal != Refusal.None)
        {
            return refusal;
        }

        return _table.TryReport(new Flow(report.Source, report.Destination), report.Rail, report.Level) ? Refusal.None : Refusal.TableFull;
    }

    /// <summary>One line for all that was refused or dropped since the last, and the next not before ten seconds are over.</summary>
    private void Complain()
    {
        var dropped = Dropped;
        if (_outcomes.AsSpan(1).SequenceEqual(_told.AsSpan(1)) && dropped == _droppedTold)
        {
            return;
        }

        Log.TelemetryRefused(_log, _lastRefused, New(Refusal.ForbiddenSender), New(Refusal.Malformed), New(Refusal.Version), New(Refusal.BadMac),
            New(Refusal.Replayed), New(Refusal.TableFull), dropped - _droppedTold, _outcomes[(int)Refusal.None]);
        _droppedTold = dropped;
        _outcomes.CopyTo(_told, 0);
        _complaintTimer.Arm(BetweenComplaints);
    }

    private ulong New(Refusal reason) => _outcomes[(int)reason] - _told[(int)reason];
}
