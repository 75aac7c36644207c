using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace MpibAgent.Registration;

/// <summary>
/// Descriptors that peers send along with their bytes (SCM_RIGHTS), which nobody here wants. Whoever reads such bytes without asking for them, or closes
/// a socket in which they are, closes what was sent as well, and waits for that: a TCP connection with SO_LINGER keeps its closer for as long as who sent it likes.
/// So the kernel refuses them where it can; before Linux 6.16 a socket with some, as any with bytes that nobody has read, is closed on a thread that nobody
/// waits for.
/// </summary>
internal sealed unsafe partial class SentDescriptors
{
    private readonly BlockingCollection<int> _sockets = [];
    private Thread? _closer;

    /// <summary>Has the kernel refuse them to all who connect from now on; false where it cannot.</summary>
    public static bool TryRefuse(int listener)
    {
        var no = 0;
        return SetSocketOption(listener, SocketLevel, PassRights, ref no, sizeof(int)) == 0;
    }

    /// <summary>
    /// Puts a byte that is sent out of band (MSG_OOB) among the others, where <see cref="Peek"/> sees it and what comes with it: else a look passes it over, and it
    /// stays there, for epoll to tell of for ever.
    /// </summary>
    public static void ShowUrgent(int socket)
    {
        var yes = 1;
        _ = SetSocketOption(socket, SocketLevel, UrgentInline, ref yes, sizeof(int));
    }

    /// <summary>Fills <paramref name="buffer"/> as recv(2) would, takes nothing, and says whether descriptors come with any of these bytes.</summary>
    public static nint Peek(int socket, Span<byte> buffer, out bool areThere)
    {
        fixed (byte* bytes = buffer)
        {
            var part = new Part { Start = bytes, Length = (nuint)buffer.Length };
            var message = new Message { Parts = &part, PartCount = 1 };
            var count = ReceiveMessage(socket, ref message, PeekFlag);
            areThere = count > 0 && (message.Flags & ControlCut) != 0;
            return count;
        }
    }

    /// <summary>Closes a socket of a peer who may have sent some, and which no epoll has any more. On the loop's thread.</summary>
    public void Close(int socket)
    {
        // Nothing comes in after this, so what is not there now never is.
        _ = Shutdown(socket, NoMoreIn);
        Span<byte> any = stackalloc byte[1];
        if (Peek(socket, any, out _) <= 0 || !TryCloseElsewhere(socket))
        {
            _ = CloseDescriptor(socket);
        }
    }

    private bool TryCloseElsewhere(int socket)
    {
        try
        {
            _sockets.Add(socket);
        }
        catch (OutOfMemoryException)
        {
            return false;
        }

        try
        {
            if (_closer is null)
            {
                var closer = new Thread(CloseAll, maxStackSize: 256 * 1024) { Name = "mpib-closer", IsBackground = true };
                closer.Start();
                _closer = closer;
            }
        }
        catch (OutOfMemoryException)
        {
            // It waits there for the next one, who may find memory for the thread.
        }

        return true;
    }

    private void CloseAll()
    {
        foreach (var socket in _sockets.GetConsumingEnumerable())
        {
            _ = CloseDescriptor(socket);
        }
    }

    private const int SocketLevel = 1;
    private const int PassRights = 83;
    private const int UrgentInline = 10;
    private const int PeekFlag = 2;
    private const int ControlCut = 8;
    private const int NoMoreIn = 0;

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Part
    {
        public byte* Start;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public nint Name;
        public uint NameLength;
        public Part* Parts;
        public nuint PartCount;
        public nint Control;
        public nuint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSocketOption(int descriptor, int level, int option, ref int value, int length);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(int descriptor, ref Message message, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    private static partial int Shutdown(int descriptor, int how);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);
}
