using System.Net.Sockets;
using System.Text;

namespace MpibAgent.Systemd;

/// <summary>
/// What the loop tells systemd (sd_notify(3)): never waits, so a systemd that hangs and reads nothing holds no registration up. READY and STOPPING are the host's
/// own affair. On the loop's thread.
/// </summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly UnixDomainSocketEndPoint? _address;
    private readonly Socket? _socket;

    /// <summary>Reads NOTIFY_SOCKET; without it nothing is ever sent.</summary>
    public NotifySocket()
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 1 } path)
        {
            // An abstract name is written with an @.
            _address = new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path);
            _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        }
    }

    /// <summary>Whether systemd wants to know.</summary>
    public bool IsEnabled => _socket is not null;

    /// <summary>Sends a state; false when systemd does not take it now.</summary>
    public bool TrySend(string state)
    {
        try
        {
            _socket!.SendTo(Encoding.UTF8.GetBytes(state), _address!);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public void Dispose() => _socket?.Dispose();
}
