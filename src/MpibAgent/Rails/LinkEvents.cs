using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace MpibAgent.Rails;

/// <summary>
/// The kernel's news of network interfaces, over rtnetlink(7): which of them has changed, and whether its link is up. What it is now is read from sysfs, so
/// that an event that was lost, comes late, or comes from nowhere costs a reading and no more; the news themselves count where nothing can be read. On the loop's
/// thread; closed it costs and wakes nothing.
/// </summary>
internal sealed partial class LinkEvents(EventLoop loop, ILogger log) : IDisposable
{
    /// <summary>Stands for every interface: events were lost.</summary>
    public const int Any = 0;

    // A message is longer; what is read here is at its beginning, and the rest is cut off.
    private const int Enough = 512;

    // Containers come and go in numbers: the others on the loop have their turn in between.
    private const int MostPerTurn = 64;

    private int _socket = -1;
    private Action<int, bool>? _changed;
    private bool _hasComplained;

    /// <summary>Whether it listens.</summary>
    public bool IsOpen => _socket >= 0;

    /// <summary>Listens from now on, and calls <paramref name="changed"/> with an interface's index, or <see cref="Any"/>, and whether its link is up.</summary>
    public void Open(Action<int, bool> changed)
    {
        if (IsOpen)
        {
            return;
        }

        var descriptor = MakeSocket(AddressFamily, SocketRaw | SocketNonBlocking | SocketCloseOnExec, RouteProtocol);
        Span<byte> address = stackalloc byte[12];
        address.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(address, AddressFamily);
        BinaryPrimitives.WriteUInt32LittleEndian(address[8..], LinkGroup);
        if (descriptor < 0 || Bind(descriptor, address, address.Length) != 0)
        {
            DoWithout(descriptor, Marshal.GetLastPInvokeErrorMessage());
            return;
        }

        try
        {
            loop.Add(descriptor, Ready.Read, _ => Receive());
        }
        catch (IOException fault)
        {
            DoWithout(descriptor, fault.Message);
            return;
        }
        catch (OutOfMemoryException)
        {
            DoWithout(descriptor, "no memory");
            return;
        }

        (_socket, _changed) = (descriptor, changed);
    }

    /// <summary>Listens no more.</summary>
    public void Close()
    {
        if (IsOpen)
        {
            loop.Forget(_socket);
            Dispose();
        }
    }

    public void Dispose()
    {
        if (IsOpen)
        {
            _ = CloseDescriptor(_socket);
            _socket = -1;
        }
    }

    /// <summary>The caller is in the middle of a registration, or of a command, which is no matter of these news.</summary>
    private void DoWithout(int descriptor, string why)
    {
        if (descriptor >= 0)
        {
            _ = CloseDescriptor(descriptor);
        }

        if (!_hasComplained)
        {
            _hasComplained = true;
            Log.LinksNotTold(log, why);
        }
    }

    private void Receive()
    {
        Span<byte> message = stackalloc byte[Enough];
        for (var i = 0; i < MostPerTurn && IsOpen; i++)
        {
            var length = Receive(_socket, message, message.Length, 0);
            if (length >= 0)
            {
                if (Parse(message[..(int)length]) is var (index, isUp))
                {
                    _changed!(index, isUp);
                }

                continue;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Again or Interrupted:
                    return;
                case NoBuffers:
                    _changed!(Any, false);
                    break;
                default:
                    Log.LinksNotTold(log, Marshal.GetLastPInvokeErrorMessage());
                    Close();
                    break;
            }
        }
    }

    /// <summary>Of struct nlmsghdr the type, and of struct ifinfomsg behind it index and flags; the kernel sends one in a datagram.</summary>
    private static (int Index, bool IsUp)? Parse(ReadOnlySpan<byte> message)
    {
        if (message.Length < 28)
        {
            return null;
        }

        var type = BinaryPrimitives.ReadUInt16LittleEndian(message[4..]);
        if (type is not (NewLink or DeletedLink))
        {
            return null;
        }

        var isUp = type == NewLink && (BinaryPrimitives.ReadUInt32LittleEndian(message[24..]) & UpAndRunning) == UpAndRunning;
        return (BinaryPrimitives.ReadInt32LittleEndian(message[20..]), isUp);
    }

    private const ushort AddressFamily = 16; // AF_NETLINK
    private const int RouteProtocol = 0;
    private const uint LinkGroup = 1; // RTMGRP_LINK
    private const int SocketRaw = 3;
    private const int SocketNonBlocking = 0x800;
    private const int SocketCloseOnExec = 0x80000;
    private const ushort NewLink = 16; // RTM_NEWLINK
    private const ushort DeletedLink = 17; // RTM_DELLINK
    private const uint UpAndRunning = 0x1 | 0x40; // IFF_UP, and IFF_RUNNING: its operational state is up, or not known
    private const int Interrupted = 4;
    private const int Again = 11;
    private const int NoBuffers = 105;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int MakeSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int descriptor, Span<byte> buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);
}
