using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MpibAgent.Interface;

/// <summary>
/// One socket to the agent: requests go out and are answered in order. The plugin opens one per request; tools may keep theirs. The
/// agent knows the caller by the process that made this object. Not thread-safe.
/// </summary>
public sealed class AgentClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Connects.</summary>
    /// <exception cref="SocketException">Nobody listens at <paramref name="path"/>, or no answer comes within <paramref name="timeout"/>
    /// (5 seconds by default) in a later call.</exception>
    public AgentClient(string path = Protocol.DefaultPath, TimeSpan? timeout = null)
    {
        var milliseconds = (int)(timeout ?? TimeSpan.FromSeconds(5)).TotalMilliseconds;
        _socket.ReceiveTimeout = milliseconds;
        _socket.SendTimeout = milliseconds;
        try
        {
            _socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>Registers a connection of the flow and returns the response.</summary>
    public RegisterResponse Register(uint connId, Ipv4Address source, Ipv4Address destination)
    {
        var request = new RegisterRequest
        {
            Header = new MessageHeader(MessageType.Register, RegisterRequest.Size),
            ConnId = connId,
            SoutSource = source,
            SoutDestination = destination,
            SupSource = source,
            SupDestination = destination,
        };
        return Exchange<RegisterRequest, RegisterResponse>(request);
    }

    /// <summary>Gives a connection of this process up.</summary>
    public DeregisterResponse Deregister(uint connId) => Exchange<DeregisterRequest, DeregisterResponse>(new DeregisterRequest
    {
        Header = new MessageHeader(MessageType.Deregister, DeregisterRequest.Size),
        ConnId = connId,
    });

    /// <summary>Closes the socket. What was registered stays registered for as long as this process lives.</summary>
    public void Dispose() => _socket.Dispose();

    private TResponse Exchange<TRequest, TResponse>(TRequest request)
        where TRequest : unmanaged
        where TResponse : unmanaged
    {
        _socket.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<TRequest>(in request)));
        Span<byte> reply = stackalloc byte[Unsafe.SizeOf<TResponse>()];
        for (var have = 0; have < reply.Length;)
        {
            var got = _socket.Receive(reply[have..]);
            have += got > 0 ? got : throw new EndOfStreamException($"expected {reply.Length} bytes of response, got {have} and the end");
        }

        return MemoryMarshal.Read<TResponse>(reply);
    }
}
