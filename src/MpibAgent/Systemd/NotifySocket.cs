using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MpibAgent.Systemd;

/// <summary>
/// What the loop tells systemd (sd_notify(3)): never waits, so a systemd that hangs and reads nothing holds no registration up, and takes no memory, so that the
/// watchdog is fed also where there is none. READY and STOPPING are the host's own affair. On the loop's thread.
/// </summary>
internal sealed class NotifySocket : IDisposable
{
    private const int LongestState = 512;

    private readonly SocketAddress? _address;
    private readonly Socket? _socket;
    private readonly byte[] _bytes = new byte[3 * LongestState];

    /// <summary>Reads NOTIFY_SOCKET; without it nothing is ever sent.</summary>
    public NotifySocket()
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 1 } path)
        {
            // An abstract name is written with an @.
            _address = new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path).Serialize();
            _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        }
    }

    /// <summary>Whether systemd wants to know.</summary>
    public bool IsEnabled => _socket is not null;

    /// <summary>Sends a state; false when systemd does not take it now. What is longer than any is cut.</summary>
    public bool TrySend(ReadOnlySpan<char> state)
    {
        try
        {
            var length = Encoding.UTF8.GetBytes(state[..Math.Min(state.Length, LongestState)], _bytes);
            _socket!.SendTo(_bytes.AsSpan(0, length), SocketFlags.None, _address!);
            return true;
        }
        catch (Exception fault) when (fault is SocketException or OutOfMemoryException)
        {
            return false;
        }
    }

    public void Dispose() => _socket?.Dispose();
}
