using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace MpibAgent.Tests.Rails;

/// <summary>
/// A file whose reads can be kept waiting in the kernel, as a NIC does whose firmware has died: a file system of one file (fuse(4)), mounted over one that
/// is there. What it held is what it says.
/// </summary>
internal sealed partial class StuckFile : IDisposable
{
    private const int HeaderSize = 40, ReplyHeaderSize = 16, Mode = 0x8000 | 0x124; // S_IFREG, 0444
    private const uint GetAttributes = 3, Open = 14, Read = 15, Release = 18, Flush = 25, Init = 26, Forget = 2, Interrupt = 36, ForgetMany = 42;
    private const int NotSupported = -38;

    private readonly string _path;
    private readonly byte[] _text;
    private readonly int _device;
    private readonly Thread _server;
    private readonly Lock _gate = new();
    private readonly List<byte[]> _waiting = [];
    private bool _isStuck;

    public StuckFile(string path)
    {
        Prerequisites.RequireRoot();
        Prerequisites.Require(File.Exists("/dev/fuse"), "/dev/fuse");

        // sysfs tells a size that a file does not have.
        (_path, _text) = (path, Encoding.UTF8.GetBytes(File.ReadAllText(path)));
        _device = OpenFile("/dev/fuse", ReadWrite | CloseOnExec);
        Prerequisites.Require(_device >= 0 && Mount("stuck", path, "fuse", 0,
            string.Create(CultureInfo.InvariantCulture, $"fd={_device},rootmode={Convert.ToString(Mode, 8)},user_id=0,group_id=0,allow_other")) == 0, "the right to mount fuse");
        _server = new Thread(Serve) { IsBackground = true };
        _server.Start();
    }

    /// <summary>Whether reads are kept waiting.</summary>
    public bool IsStuck
    {
        get
        {
            lock (_gate)
            {
                return _isStuck;
            }
        }

        set
        {
            lock (_gate)
            {
                _isStuck = value;
                if (!value)
                {
                    _waiting.ForEach(reply => Send(reply));
                    _waiting.Clear();
                }
            }
        }
    }

    /// <summary>Whether a read is kept waiting.</summary>
    public bool IsWaitedFor
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count > 0;
            }
        }
    }

    public void Dispose()
    {
        IsStuck = false;
        _ = Unmount(_path, Detach);
        _ = Close(_device);
    }

    private void Serve()
    {
        var request = new byte[64 * 1024];
        while (true)
        {
            if (ReadFile(_device, request, request.Length) < HeaderSize)
            {
                // EINTR, or a request that was taken back; otherwise it is no longer mounted.
                if (Marshal.GetLastPInvokeError() is 2 or 4)
                {
                    continue;
                }

                return;
            }

            var operation = BinaryPrimitives.ReadUInt32LittleEndian(request.AsSpan(4));
            var number = BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(8));
            if (operation is Forget or ForgetMany or Interrupt)
            {
                continue;
            }

            var reply = Reply(number, operation, request);
            lock (_gate)
            {
                if (operation == Read && _isStuck)
                {
                    _waiting.Add(reply);
                    continue;
                }
            }

            Send(reply);
        }
    }

    private byte[] Reply(ulong number, uint operation, byte[] request)
    {
        var (error, body) = operation switch
        {
            Init => (0, InitReply()),
            GetAttributes => (0, Attributes()),
            Open => (0, OpenReply()),
            Read => (0, BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(HeaderSize + 8)) == 0 ? _text : []),
            Release or Flush => (0, Array.Empty<byte>()),
            _ => (NotSupported, []),
        };
        var reply = new byte[ReplyHeaderSize + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(reply, reply.Length);
        BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(4), error);
        BinaryPrimitives.WriteUInt64LittleEndian(reply.AsSpan(8), number);
        body.CopyTo(reply, ReplyHeaderSize);
        return reply;
    }

    /// <summary>struct fuse_init_out: version 7.31, and no wish.</summary>
    private static byte[] InitReply()
    {
        var body = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(body, 7);
        BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(4), 31);
        BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(20), 4096);
        return body;
    }

    /// <summary>struct fuse_attr_out.</summary>
    private byte[] Attributes()
    {
        var body = new byte[104];
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(16), 1);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(24), _text.Length);
        BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(76), Mode);
        BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(80), 1);
        return body;
    }

    /// <summary>struct fuse_open_out: nothing is kept, every read comes here.</summary>
    private static byte[] OpenReply()
    {
        var body = new byte[16];
        body[8] = 1;
        return body;
    }

    private void Send(byte[] reply) => _ = WriteFile(_device, reply, reply.Length);

    private const int ReadWrite = 2;
    private const int CloseOnExec = 0x80000;
    private const int Detach = 2;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Mount(string source, string target, string type, nuint flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(int descriptor, byte[] buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint WriteFile(int descriptor, byte[] buffer, nint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
