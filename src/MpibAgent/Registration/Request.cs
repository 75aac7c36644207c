using System.Globalization;
using System.Runtime.InteropServices;
using MpibAgent.Interface;

namespace MpibAgent.Registration;

/// <summary>What the bytes at hand are.</summary>
internal enum RequestState
{
    /// <summary>The beginning of a request, or nothing.</summary>
    Incomplete,

    /// <summary>A whole request.</summary>
    Complete,

    /// <summary>Not of this protocol: no answer is owed.</summary>
    BadMagic,

    /// <summary>The magic is right and the rest is not: status 2.</summary>
    Invalid,
}

/// <summary>A request as it came. <see cref="Read"/> is a pure function of bytes that a stranger chose.</summary>
/// <param name="Type">Register or deregister.</param>
/// <param name="Length">Bytes that the request took.</param>
/// <param name="ConnId">The client's name for the connection.</param>
/// <param name="SoutSource">Register only.</param>
/// <param name="SoutDestination">Register only.</param>
/// <param name="SupSource">Register only; told in the log, and otherwise the plugin's own affair.</param>
/// <param name="SupDestination">Register only.</param>
internal readonly record struct Request(
    MessageType Type,
    int Length,
    uint ConnId,
    Ipv4Address SoutSource = default,
    Ipv4Address SoutDestination = default,
    Ipv4Address SupSource = default,
    Ipv4Address SupDestination = default)
{
    /// <summary>Reads the first request of <paramref name="bytes"/>. A fault is told as soon as its bytes are there.</summary>
    public static RequestState Read(ReadOnlySpan<byte> bytes, out Request request)
    {
        request = default;
        if (bytes.Length < sizeof(uint))
        {
            return RequestState.Incomplete;
        }

        if (MemoryMarshal.Read<uint>(bytes) != Protocol.Magic)
        {
            return RequestState.BadMagic;
        }

        if (bytes.Length < MessageHeader.Size)
        {
            return RequestState.Incomplete;
        }

        var header = MemoryMarshal.Read<MessageHeader>(bytes);
        if (header.Length != ExpectedLength(header.Type))
        {
            return RequestState.Invalid;
        }

        if (bytes.Length < header.Length)
        {
            return RequestState.Incomplete;
        }

        if (header.Type == MessageType.Deregister)
        {
            request = new Request(header.Type, header.Length, MemoryMarshal.Read<DeregisterRequest>(bytes).ConnId);
            return RequestState.Complete;
        }

        var register = MemoryMarshal.Read<RegisterRequest>(bytes);
        request = new Request(header.Type, header.Length, register.ConnId, register.SoutSource, register.SoutDestination,
            register.SupSource, register.SupDestination);
        return RequestState.Complete;
    }

    /// <summary>Why <paramref name="bytes"/> are no request, for the log: what was expected and what came.</summary>
    public static string Explain(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= sizeof(uint) && MemoryMarshal.Read<uint>(bytes) is var magic && magic != Protocol.Magic)
        {
            return string.Create(CultureInfo.InvariantCulture, $"expected magic {Protocol.Magic:x8}, got {magic:x8}");
        }

        if (bytes.Length < MessageHeader.Size)
        {
            return string.Create(CultureInfo.InvariantCulture, $"cut short: {bytes.Length} bytes of a header of {MessageHeader.Size}");
        }

        var header = MemoryMarshal.Read<MessageHeader>(bytes);
        var expected = ExpectedLength(header.Type);
        return expected switch
        {
            NoSuchType => string.Create(CultureInfo.InvariantCulture, $"expected type 1 or 2, got {(byte)header.Type}"),
            _ when header.Length != expected =>
                string.Create(CultureInfo.InvariantCulture, $"type {(byte)header.Type}: expected msg_len {expected}, got {header.Length}"),
            _ => string.Create(CultureInfo.InvariantCulture, $"cut short: {bytes.Length} bytes of {expected}"),
        };
    }

    /// <summary>Whether an answer to these faulty bytes has the shape of a response to deregister; all others get that of register.</summary>
    public static bool WantsDeregisterResponse(ReadOnlySpan<byte> bytes) =>
        bytes.Length > 6 && (MessageType)bytes[6] == MessageType.Deregister;

    /// <summary>The length of no message: msg_len has 16 bits without a sign.</summary>
    private const int NoSuchType = -1;

    private static int ExpectedLength(MessageType type) => type switch
    {
        MessageType.Register => RegisterRequest.Size,
        MessageType.Deregister => DeregisterRequest.Size,
        _ => NoSuchType,
    };
}
