using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Hosting.Systemd;

namespace MpibAgent.Systemd;

/// <summary>
/// What the agent tells systemd (sd_notify(3)). The loop's states never wait, so a systemd that hangs and reads nothing holds no registration up, and take no memory, so
/// that the watchdog is fed also where there is none. The host's, which are READY=1 and STOPPING=1, come from its own thread.
/// </summary>
/// <remarks>By system calls, since the first use of <see cref="Socket"/> starts a thread that stays, and would have nothing to do here.</remarks>
internal sealed partial class NotifySocket : ISystemdNotifier, IDisposable
{
    private const int LongestState = 512;

    /// <summary>sun_path of unix(7), less the 0 byte at its end.</summary>
    private const int LongestPath = 107;

    private readonly SocketAddress? _address;
    private readonly byte[] _bytes = new byte[3 * LongestState];
    private int _descriptor = -1;

    /// <summary>NOTIFY_SOCKET; null where it is not set, or no socket can have that name.</summary>
    public static string? Path => Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 1 and <= LongestPath } path ? path : null;

    /// <summary>Without <see cref="Path"/> nothing is ever sent.</summary>
    /// <exception cref="Fault">There is no socket to be had.</exception>
    public NotifySocket()
    {
        if (Path is { } path)
        {
            // An abstract name is written with an @.
            _address = new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path).Serialize();
            _descriptor = MakeSocket(UnixFamily, DatagramType | CloseOnExec, 0);
            if (_descriptor < 0)
            {
                throw new Fault($"cannot make a socket to notify systemd: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }
    }

    /// <inheritdoc/>
    public bool IsEnabled => _address is not null;

    /// <summary>Sends a state; false when systemd does not take it now. What is longer than any is cut. On the loop's thread.</summary>
    public bool TrySend(ReadOnlySpan<char> state)
    {
        var length = Encoding.UTF8.GetBytes(state[..Math.Min(state.Length, LongestState)], _bytes);
        return Send(_bytes.AsSpan(0, length), DoNotWait);
    }

    /// <summary>READY=1 waits until it is taken: without it the start would fail. STOPPING=1 does not: a systemd that hangs must not keep the agent from ending.</summary>
    public void Notify(ServiceState state) => Send(Encoding.UTF8.GetBytes(state.ToString()), state.ToString() == ServiceState.Ready.ToString() ? 0 : DoNotWait);

    public void Dispose()
    {
        if (_descriptor >= 0)
        {
            _ = Close(_descriptor);
            _descriptor = -1;
        }
    }

    private bool Send(ReadOnlySpan<byte> state, int flags) =>
        SendTo(_descriptor, state, state.Length, flags | NoSignal, _address!.Buffer.Span, _address.Size) == state.Length;

    private const int UnixFamily = 1;
    private const int DatagramType = 2;
    private const int CloseOnExec = 0x80000;
    private const int DoNotWait = 0x40;
    private const int NoSignal = 0x4000;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int MakeSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    private static partial nint SendTo(int descriptor, ReadOnlySpan<byte> bytes, nint length, int flags, ReadOnlySpan<byte> address, int addressLength);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
