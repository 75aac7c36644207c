using System.Runtime.InteropServices;

namespace MpibAgent.Interface;

/// <summary>Constants of the registration protocol (doc/interface.md).</summary>
public static class Protocol
{
    /// <summary>First word of every message: the bytes "RIPM" as they travel.</summary>
    public const uint Magic = 0x4D504952;

    /// <summary>hint_slot of a response that gives no slot.</summary>
    public const uint NoSlot = 0xFFFFFFFF;

    /// <summary>Where the agent listens unless it is told otherwise.</summary>
    public const string DefaultPath = "/tmp/mpib/agent.sock";
}

/// <summary>msg_type of a header.</summary>
public enum MessageType : byte
{
    /// <summary>Client to agent, <see cref="RegisterRequest"/>.</summary>
    Register = 1,

    /// <summary>Client to agent, <see cref="DeregisterRequest"/>.</summary>
    Deregister = 2,

    /// <summary>Agent to client, <see cref="RegisterResponse"/> or <see cref="DeregisterResponse"/>.</summary>
    Response = 128,
}

/// <summary>status of a response.</summary>
public enum ResponseStatus : byte
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>All slots have a flow, or the user has as much as one may; try again when some of it is free.</summary>
    NoFreeSlots = 1,

    /// <summary>The request was not understood, or its sender may not make it.</summary>
    InvalidRequest = 2,
}

/// <summary>The eight bytes before every payload.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct MessageHeader
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 8;

    /// <summary><see cref="Protocol.Magic"/>.</summary>
    [FieldOffset(0)] public uint Magic;

    /// <summary>Bytes of the whole message, header included.</summary>
    [FieldOffset(4)] public ushort Length;

    /// <summary>What the message is.</summary>
    [FieldOffset(6)] public MessageType Type;

    /// <summary>Sent as 0, ignored when read.</summary>
    [FieldOffset(7)] public byte Reserved;

    /// <summary>A header for a message of <paramref name="length"/> bytes.</summary>
    public MessageHeader(MessageType type, int length)
    {
        Magic = Protocol.Magic;
        Length = (ushort)length;
        Type = type;
    }
}

/// <summary>Asks for the slot of a flow.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct RegisterRequest
{
    /// <summary>Bytes of the message.</summary>
    public const int Size = 28;

    /// <summary>Type <see cref="MessageType.Register"/>.</summary>
    [FieldOffset(0)] public MessageHeader Header;

    /// <summary>The client's name for its connection: pid &lt;&lt; 16 | counter.</summary>
    [FieldOffset(8)] public uint ConnId;

    /// <summary>SOUT source address.</summary>
    [FieldOffset(12)] public Ipv4Address SoutSource;

    /// <summary>SOUT destination address.</summary>
    [FieldOffset(16)] public Ipv4Address SoutDestination;

    /// <summary>SUP source address.</summary>
    [FieldOffset(20)] public Ipv4Address SupSource;

    /// <summary>SUP destination address.</summary>
    [FieldOffset(24)] public Ipv4Address SupDestination;
}

/// <summary>Gives a connection up.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct DeregisterRequest
{
    /// <summary>Bytes of the message.</summary>
    public const int Size = 12;

    /// <summary>Type <see cref="MessageType.Deregister"/>.</summary>
    [FieldOffset(0)] public MessageHeader Header;

    /// <summary>The name it was registered under.</summary>
    [FieldOffset(8)] public uint ConnId;
}

/// <summary>Answers a register request, and whatever cannot be told apart from one.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct RegisterResponse
{
    /// <summary>Bytes of the message.</summary>
    public const int Size = 16;

    /// <summary>Type <see cref="MessageType.Response"/>.</summary>
    [FieldOffset(0)] public MessageHeader Header;

    /// <summary>How it went; three bytes of zero follow.</summary>
    [FieldOffset(8)] public ResponseStatus Status;

    /// <summary>0 to 255, or <see cref="Protocol.NoSlot"/> with a status other than success.</summary>
    [FieldOffset(12)] public uint HintSlot;

    /// <summary>A response; the slot is <see cref="Protocol.NoSlot"/> unless the status is success.</summary>
    public RegisterResponse(ResponseStatus status, int slot)
    {
        Header = new MessageHeader(MessageType.Response, Size);
        Status = status;
        HintSlot = status == ResponseStatus.Success ? (uint)slot : Protocol.NoSlot;
    }
}

/// <summary>Answers a deregister request.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct DeregisterResponse
{
    /// <summary>Bytes of the message.</summary>
    public const int Size = 12;

    /// <summary>Type <see cref="MessageType.Response"/>.</summary>
    [FieldOffset(0)] public MessageHeader Header;

    /// <summary>How it went; three bytes of zero follow.</summary>
    [FieldOffset(8)] public ResponseStatus Status;

    /// <summary>A response.</summary>
    public DeregisterResponse(ResponseStatus status)
    {
        Header = new MessageHeader(MessageType.Response, Size);
        Status = status;
    }
}
