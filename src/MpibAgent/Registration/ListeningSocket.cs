using System.Runtime.InteropServices;
using System.Text;
using MpibAgent.Systemd;

namespace MpibAgent.Registration;

/// <summary>The socket that peers connect to: our own, which goes with us, or systemd's, which stays. Owned by <see cref="RegistrationListener"/>.</summary>
internal sealed partial class ListeningSocket : IDisposable
{
    /// <summary>How many may wait to be accepted; the kernel's own limit is net.core.somaxconn.</summary>
    public const int Backlog = 4096;

    private readonly string? _path;
    private readonly ulong? _inode;
    private bool _refusesDescriptors;

    private ListeningSocket(int descriptor, string? path, ulong? inode)
    {
        Descriptor = descriptor;
        _path = path;
        _inode = inode;
    }

    /// <summary>The descriptor; -1 once it is closed.</summary>
    public int Descriptor { get; private set; }

    public bool IsOpen => Descriptor >= 0;

    /// <summary>Whether systemd holds it too.</summary>
    public bool IsInherited => _path is null;

    /// <summary>The path that peers find it by.</summary>
    public string BoundTo
    {
        get
        {
            Span<byte> address = stackalloc byte[LongestAddress];
            var length = address.Length;
            return GetSocketName(Descriptor, address, ref length) == 0 ? Encoding.UTF8.GetString(address[2..Math.Clamp(length, 2, LongestAddress)].TrimEnd((byte)0)) : "";
        }
    }

    /// <summary>Whether a peer that is accepted now may send descriptors along (<see cref="SentDescriptors"/>).</summary>
    public bool TakesDescriptors { get; private set; } = true;

    /// <summary>Whether a peer waits to be accepted.</summary>
    public bool IsAnybodyWaiting
    {
        get
        {
            var poll = new PollDescriptor { Descriptor = Descriptor, Events = PollIn };
            return Poll(ref poll, 1, 0) > 0;
        }
    }

    /// <summary>The socket that systemd passed; null when it passed none.</summary>
    /// <exception cref="Fault">What it passed is no listening Unix stream socket.</exception>
    public static ListeningSocket? TryInherit(InheritedDescriptors inherited)
    {
        if (!inherited.TryTake("registration", UnixFileType.Socket, out var descriptor))
        {
            return null;
        }

        if (Option(descriptor, SocketDomain) != UnixFamily || Option(descriptor, SocketTypeOption) != StreamType || Option(descriptor, IsListening) != 1)
        {
            throw new Fault("the descriptor named registration is no listening Unix stream socket; set ListenStream= to a path in its socket unit");
        }

        return new ListeningSocket(descriptor, null, null) { _refusesDescriptors = SentDescriptors.TryRefuse(descriptor) };
    }

    /// <summary>Makes the socket at the path of the settings and listens.</summary>
    /// <exception cref="Fault">Somebody listens there, or it cannot be made.</exception>
    public static ListeningSocket Bind(RegistrationOptions options)
    {
        var path = options.Path;
        Ownership.PrepareDirectory(Path.GetDirectoryName(path)!);
        RemoveStaleSocket(path);

        Span<byte> address = stackalloc byte[LongestAddress];
        address = address[..WriteAddress(path, address)];

        // By the umask and not by chmod, which would follow a link put in its place. Nobody else makes files at this time.
        var descriptor = CreateSocket(UnixFamily, StreamType | NonBlocking | CloseOnExec, 0);
        if (descriptor < 0)
        {
            throw new Fault($"cannot make a socket for {path}: {Marshal.GetLastPInvokeErrorMessage()}; raise LimitNOFILE=");
        }

        var umask = SetUmask(0x1FF & ~(uint)Ownership.ParseMode(options.Mode));
        var bound = BindSocket(descriptor, address, address.Length);
        var error = Marshal.GetLastPInvokeError();
        _ = SetUmask(umask);
        if (bound != 0)
        {
            throw new Fault($"cannot bind {path}: {Marshal.GetPInvokeErrorMessage(error)}; {Ownership.WhatToRun}");
        }

        Ownership.GiveToServiceUser(path);
        var refusesDescriptors = SentDescriptors.TryRefuse(descriptor);
        if (Listen(descriptor, Backlog) != 0)
        {
            throw new Fault($"cannot listen at {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        return new ListeningSocket(descriptor, path, FileStatus.Of(path)?.Inode) { TakesDescriptors = !refusesDescriptors };
    }

    /// <summary>Accepts a peer, non-blocking and closed on exec; otherwise errno says why not.</summary>
    public bool TryAccept(out int descriptor, out int error)
    {
        descriptor = AcceptSocket(Descriptor, 0, 0, NonBlocking | CloseOnExec);
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (error == TryAgain)
        {
            // Who had connected to systemd's socket before it refused descriptors has been let in.
            TakesDescriptors &= !_refusesDescriptors;
        }

        return descriptor >= 0;
    }

    /// <summary>Takes our own socket's name away, if it is still this socket's.</summary>
    public void RemoveName()
    {
        if (_path is not null && FileStatus.Of(_path) is { } status && status.Inode == _inode)
        {
            File.Delete(_path);
        }
    }

    public void Dispose()
    {
        if (IsOpen)
        {
            _ = Close(Descriptor);
            Descriptor = -1;
        }
    }

    /// <summary>A socket of an agent that died is removed; one that is listened to is somebody's, and a fault.</summary>
    private static void RemoveStaleSocket(string path)
    {
        if (FileStatus.Of(path) is not { } found)
        {
            return;
        }

        Ownership.CheckFile(path, found, UnixFileType.Socket);
        Span<byte> address = stackalloc byte[LongestAddress];
        address = address[..WriteAddress(path, address)];
        var probe = CreateSocket(UnixFamily, StreamType | NonBlocking | CloseOnExec, 0);
        if (probe < 0)
        {
            throw new Fault($"cannot make a socket: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // A full backlog has a listener as well.
        var isRefused = ConnectSocket(probe, address, address.Length) != 0 && Marshal.GetLastPInvokeError() == ConnectionRefused;
        _ = Close(probe);
        if (isRefused)
        {
            File.Delete(path);
            return;
        }

        throw new Fault($"{path}: somebody is listening there already; run: ss -xlp src {path}. "
            + "Where it is systemd, on behalf of the service: systemctl stop mpib-agent.socket mpib-control.socket mpib-agent.service");
    }

    /// <summary>struct sockaddr_un: the family, then the path and a zero; the length was checked with the settings. Returns how long it is.</summary>
    private static int WriteAddress(string path, Span<byte> address)
    {
        address.Clear();
        address[0] = UnixFamily;
        return 2 + Encoding.UTF8.GetBytes(path, address[2..]) + 1;
    }

    private static int Option(int descriptor, int option)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        var length = value.Length;
        return GetSocketOption(descriptor, SocketLevel, option, value, ref length) == 0 ? MemoryMarshal.Read<int>(value) : -1;
    }

    private const int SocketLevel = 1;
    private const int SocketTypeOption = 3;
    private const int IsListening = 30;
    private const int SocketDomain = 39;
    private const short PollIn = 1;
    private const byte UnixFamily = 1;
    private const int StreamType = 1;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int TryAgain = 11;
    private const int ConnectionRefused = 111;
    private const int LongestAddress = 110;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int BindSocket(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int ConnectSocket(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int GetSocketName(int descriptor, Span<byte> address, ref int length);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetUmask(uint mask);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(int descriptor, int level, int option, Span<byte> value, ref int length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int descriptor, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int AcceptSocket(int descriptor, nint address, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
