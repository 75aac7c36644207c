using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent.Tests.Logging;

/// <summary>
/// What journald is to a client: a datagram socket that takes entries, also as sealed files. Strict where journald is lenient: an entry
/// that is not exactly the protocol fails the test.
/// </summary>
internal sealed unsafe partial class JournalPeer : IDisposable
{
    public const int SealAll = 0xF;
    private const int MsgCmsgCloexec = 0x40000000;
    private const int FGetSeals = 1034;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    public JournalPeer(string path) => _socket.Bind(new UnixDomainSocketEndPoint(path));

    /// <summary>True when the last entry came as a file.</summary>
    public bool CameAsFile { get; private set; }

    /// <summary>The fields of the next entry, in their order.</summary>
    public List<(string Name, string Value)> Receive() => Parse(ReceiveBytes());

    /// <summary>An entry is there already.</summary>
    public bool HasMore => _socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);

    public string ReceiveMessage() => Receive().Single(f => f.Name == "MESSAGE").Value;

    public byte[] ReceiveBytes()
    {
        Assert.True(_socket.Poll(Patience, SelectMode.SelectRead), "no entry came");
        var buffer = new byte[256 * 1024];
        var control = new byte[64];
        nint length;
        nuint controlLength;
        fixed (byte* start = buffer, controlStart = control)
        {
            nint* vector = stackalloc nint[] { (nint)start, buffer.Length };
            nint* header = stackalloc nint[] { 0, 0, (nint)vector, 1, (nint)controlStart, control.Length, 0 };
            length = RecvMsg(_socket.SafeHandle, header, MsgCmsgCloexec);
            controlLength = (nuint)header[5];
        }

        Assert.True(length >= 0, "recvmsg failed");
        CameAsFile = controlLength > 0;
        return CameAsFile ? ReadFile(control, length) : buffer[..(int)length];
    }

    public static List<(string Name, string Value)> Parse(ReadOnlySpan<byte> entry)
    {
        var fields = new List<(string, string)>();
        while (!entry.IsEmpty)
        {
            var end = entry.IndexOfAny((byte)'=', (byte)'\n');
            Assert.True(end > 0, "a field without a name");
            var name = Encoding.ASCII.GetString(entry[..end]);
            Assert.Matches("^[A-Z][A-Z0-9_]{0,63}$", name);
            var isText = entry[end] == '=';
            entry = entry[(end + 1)..];
            var length = isText ? entry.IndexOf((byte)'\n') : (int)BinaryPrimitives.ReadUInt64LittleEndian(entry);
            entry = isText ? entry : entry[sizeof(ulong)..];
            fields.Add((name, new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(entry[..length])));
            Assert.Equal((byte)'\n', entry[length]);
            entry = entry[(length + 1)..];
        }

        return fields;
    }

    /// <summary>Closes the socket and leaves its path, as a journald that is killed does.</summary>
    public void Dispose() => _socket.Dispose();

    private static byte[] ReadFile(ReadOnlySpan<byte> control, nint payload)
    {
        Assert.Equal(0, payload);
        Assert.Equal(20, BinaryPrimitives.ReadInt64LittleEndian(control)); // cmsg_len: one descriptor
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(control[8..])); // SOL_SOCKET
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(control[12..])); // SCM_RIGHTS
        using var file = new SafeFileHandle(BinaryPrimitives.ReadInt32LittleEndian(control[16..]), ownsHandle: true);
        Assert.Equal(SealAll, Fcntl(file, FGetSeals));
        var bytes = new byte[RandomAccess.GetLength(file)];
        Assert.Equal(bytes.Length, RandomAccess.Read(file, bytes, 0));
        return bytes;
    }

    [LibraryImport("libc", EntryPoint = "recvmsg")]
    private static partial nint RecvMsg(SafeHandle socket, nint* message, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Fcntl(SafeHandle file, int command);
}
