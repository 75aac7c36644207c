using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MpibAgent.Interface;

/// <summary>
/// One socket to the agent: requests go out and are answered in order. The plugin opens one per request; tools may keep theirs. The
/// agent knows the caller by the process that made this object. After a call that has thrown its socket is closed: an answer that comes late is none to the next
/// request. Not thread-safe.
/// </summary>
public sealed class AgentClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly TimeSpan _timeout;

    /// <summary>Connects.</summary>
    /// <param name="path">Where the agent listens.</param>
    /// <param name="timeout">How long the whole of an answer may take, over 0; 5 seconds if null.</param>
    /// <exception cref="SocketException">Nobody listens at <paramref name="path"/>.</exception>
    public AgentClient(string path = Protocol.DefaultPath, TimeSpan? timeout = null)
    {
        _timeout = timeout ?? TimeSpan.FromSeconds(5);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(_timeout, TimeSpan.Zero, nameof(timeout));
        _socket.SendTimeout = _socket.ReceiveTimeout = Milliseconds(_timeout);
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
    /// <exception cref="SocketException">No answer within the time, or the agent has gone.</exception>
    /// <exception cref="EndOfStreamException">The agent has closed the socket.</exception>
    /// <exception cref="InvalidDataException">What came is no answer of an agent.</exception>
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
    /// <inheritdoc cref="Register"/>
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
        try
        {
            var began = TimeProvider.System.GetTimestamp();
            _socket.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<TRequest>(in request)));
            Span<byte> reply = stackalloc byte[Unsafe.SizeOf<TResponse>()];
            var have = Receive(reply, 0);
            if (have < reply.Length)
            {
                while (have < reply.Length)
                {
                    _socket.ReceiveTimeout = Milliseconds(_timeout - TimeProvider.System.GetElapsedTime(began));
                    have += Receive(reply, have);
                }

                _socket.ReceiveTimeout = Milliseconds(_timeout);
            }

            var header = MemoryMarshal.Read<MessageHeader>(reply);
            if (header is not { Magic: Protocol.Magic, Type: MessageType.Response } || header.Length != reply.Length)
            {
                throw new InvalidDataException($"expected a response of {reply.Length} bytes, got magic {header.Magic:x8}, type {(int)header.Type}, length {header.Length}");
            }

            return MemoryMarshal.Read<TResponse>(reply);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    private int Receive(Span<byte> reply, int have) => _socket.Receive(reply[have..]) is > 0 and var got ? got
        : throw new EndOfStreamException($"expected {reply.Length} bytes of response, got {have} and the end");

    /// <summary>At least 1: for the socket 0 is no limit.</summary>
    private static int Milliseconds(TimeSpan time) => (int)Math.Clamp(Math.Ceiling(time.TotalMilliseconds), 1, int.MaxValue);
}
