using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MpibAgent.Interface;

namespace MpibAgent.Registration;

/// <summary>
/// One socket of a peer: gathers its bytes into requests and sends the responses, in order, without ever waiting. Used again for another
/// socket after <see cref="Close"/>, so a registration allocates nothing here. On the loop's thread; made by <see cref="RegistrationListener"/>.
/// </summary>
internal sealed partial class PeerSocket
{
    // A response is never longer than its request, so as many bytes out as in are enough.
    private const int BufferSize = 512;

    private readonly RegistrationListener _listener;
    private readonly Registrar _registrar;
    private readonly byte[] _input = new byte[BufferSize];
    private readonly byte[] _output = new byte[BufferSize + MinimumRoom];
    private int _received;
    private int _toSend;
    private int _sent;
    private bool _answered;
    private int _registrations;
    private bool _closeWhenSent;
    private bool _isDeaf;

    public PeerSocket(RegistrationListener listener, Registrar registrar)
    {
        _listener = listener;
        _registrar = registrar;
        OnReady = HandleReady;
    }

    /// <summary>The handler for the loop, made once.</summary>
    public Action<Ready> OnReady { get; }

    /// <summary>The open socket, or -1.</summary>
    public int Descriptor { get; private set; } = -1;

    /// <summary>Its place in the order of accept, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>The process that called connect(), as the kernel vouches; 0 when its pid namespace cannot be seen from here.</summary>
    public int Pid { get; private set; }

    /// <summary>The user of that process at that time.</summary>
    public uint Uid { get; private set; }

    /// <summary>Timestamp of the last complete request, or of accept.</summary>
    public long LastActive { get; set; }

    /// <summary>Neighbours in the listener's order of activity.</summary>
    public PeerSocket? Older { get; set; }

    /// <inheritdoc cref="Older"/>
    public PeerSocket? Newer { get; set; }

    /// <summary>What the loop waits for on its behalf; nothing as long as it is only looked at.</summary>
    public Ready Interest { get; set; }

    /// <summary>Whether descriptors may come with its bytes (<see cref="SentDescriptors"/>).</summary>
    public bool MayBringDescriptors { get; private set; }

    /// <summary>Whether it has been answered and neither side owes a byte: safe to close at a stop.</summary>
    public bool IsDone => _answered && _received == 0 && _toSend == 0;

    /// <summary>Takes over an accepted socket.</summary>
    public void Open(int descriptor, long number, bool mayBringDescriptors)
    {
        Span<byte> credentials = stackalloc byte[12];
        var length = credentials.Length;
        _ = GetSocketOption(descriptor, SocketLevel, PeerCredentials, credentials, ref length);
        Descriptor = descriptor;
        Number = number;
        Pid = BinaryPrimitives.ReadInt32LittleEndian(credentials);
        Uid = BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]);
        _received = _toSend = _sent = _registrations = 0;
        _closeWhenSent = _answered = _isDeaf = false;
        MayBringDescriptors = mayBringDescriptors;
        if (mayBringDescriptors)
        {
            SentDescriptors.ShowUrgent(descriptor);
        }

        Interest = Ready.None;
    }

    /// <summary>Closes the socket; the listener has taken it off its lists.</summary>
    public void Close(SentDescriptors descriptors)
    {
        if (MayBringDescriptors)
        {
            descriptors.Close(Descriptor);
        }
        else
        {
            _ = CloseDescriptor(Descriptor);
        }

        Descriptor = -1;
    }

    /// <summary>Reads once and answers what is complete. One read a turn, so that a peer that never stops sending shares the loop.</summary>
    public void HandleReady(Ready ready)
    {
        if ((ready & Ready.Write) != 0 && !Flush())
        {
            return;
        }

        if (_toSend > 0)
        {
            // Hung up while its replies wait: nobody will read them.
            if ((ready & (Ready.HangUp | Ready.Error)) != 0)
            {
                _listener.Drop(this);
            }

            return;
        }

        var count = Receive(out var bringsDescriptors);
        if (bringsDescriptors)
        {
            _registrar.RefuseDescriptors(this);
            _listener.Drop(this);
        }
        else if (count > 0)
        {
            _received += (int)count;
            AnswerAll();
        }
        else if (count == 0)
        {
            // No more comes, descriptors neither.
            MayBringDescriptors = false;
            End();
        }
        else if (Marshal.GetLastPInvokeError() is not (TryAgain or Interrupted))
        {
            _listener.Drop(this);
        }
    }

    /// <summary>recv(2), which leaves alone what descriptors come with.</summary>
    private nint Receive(out bool bringsDescriptors)
    {
        bringsDescriptors = false;
        var room = _input.AsSpan(_received, BufferSize - _received);
        if (MayBringDescriptors)
        {
            var count = SentDescriptors.Peek(Descriptor, room, out bringsDescriptors);
            if (count <= 0 || bringsDescriptors)
            {
                return count;
            }

            // What came since may have some.
            room = room[..(int)count];
        }

        return Receive(Descriptor, room, room.Length, 0);
    }

    private void AnswerAll()
    {
        var bytes = _input.AsSpan(0, _received);
        while (true)
        {
            var state = Request.Read(bytes, out var request);
            if (state == RequestState.Complete)
            {
                _toSend += _registrar.Answer(this, request, _output.AsSpan(_toSend));
                _registrations += request.Type == MessageType.Register ? 1 : 0;
                bytes = bytes[request.Length..];
                _listener.Touch(this);
                _answered = true;
                continue;
            }

            if (state != RequestState.Incomplete)
            {
                _toSend += _registrar.Refuse(this, bytes, _output.AsSpan(_toSend));
                _closeWhenSent = true;
                bytes = [];
            }

            break;
        }

        bytes.CopyTo(_input);
        _received = bytes.Length;
        Flush();
    }

    /// <summary>The peer sends no more. What it left unfinished is a message cut short.</summary>
    private void End()
    {
        if (_received > 0)
        {
            _toSend += _registrar.Refuse(this, _input.AsSpan(0, _received), _output.AsSpan(_toSend));
        }

        _closeWhenSent = true;
        Flush();
    }

    /// <summary>Sends what is due; false when the socket has been closed.</summary>
    private bool Flush()
    {
        while (_sent < _toSend && !_isDeaf)
        {
            var count = Send(Descriptor, _output.AsSpan(_sent, _toSend - _sent), _toSend - _sent, NoSignal);
            if (count >= 0)
            {
                _sent += (int)count;
                continue;
            }

            var error = Marshal.GetLastPInvokeError();
            if (error == Interrupted)
            {
                continue;
            }

            if (error == TryAgain)
            {
                // It does not read its replies: it gets no more until it does, or until it has been idle for too long.
                _registrations = 0;
                _listener.WaitFor(this, Ready.Write);
                return true;
            }

            // It has closed without reading. What it asked before that is still done.
            _isDeaf = true;
        }

        if (_registrations > 0)
        {
            _listener.RecordAnswers(_registrations);
        }

        _sent = _toSend = _registrations = 0;
        if (_closeWhenSent || (_listener.IsDraining && IsDone))
        {
            _listener.Drop(this);
            return false;
        }

        if (Interest == Ready.Write)
        {
            _listener.WaitFor(this, Ready.Read);
        }

        return true;
    }

    /// <summary>Room for the one response that a fault can add after a full buffer of answered requests.</summary>
    private const int MinimumRoom = 16;
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;
    private const int NoSignal = 0x4000;
    private const int Interrupted = 4;
    private const int TryAgain = 11;

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(int descriptor, int level, int option, Span<byte> value, ref int length);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int descriptor, Span<byte> buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int descriptor, ReadOnlySpan<byte> buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);
}
