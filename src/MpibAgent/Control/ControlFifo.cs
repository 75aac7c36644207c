using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Hints;
using MpibAgent.Logging;
using MpibAgent.Policy;
using MpibAgent.Slots;
using MpibAgent.Status;
using MpibAgent.Systemd;

namespace MpibAgent.Control;

/// <summary>
/// The operator's commands: reads the FIFO on the loop's thread and carries out its lines in their order. Owns the descriptor. The FIFO itself
/// stays when the agent stops: a command written meanwhile waits in its writer's open() for the next agent, whereas without a FIFO
/// a root's echo would make a regular file there.
/// </summary>
internal sealed partial class ControlFifo : IHostedService, IDisposable
{
    // Some hundred commands a turn: a writer that never stops shares the loop.
    private const int ReadSize = 1024;

    // What is still carried out at a stop: more than a pipe holds.
    private const int LargestRest = 1 << 20;

    // systemd holds a writer open, so that nobody's leaving shows. A line that its writer sends in pieces (a full buffer of stdio ends where it will) must not be
    // cut by a pause of a busy host: half of it may be another command.
    private static readonly TimeSpan PartialLineQuiet = TimeSpan.FromSeconds(1);

    // How long a stop waits for the end of a line whose writer goes on and on.
    private static readonly TimeSpan LongestEnd = TimeSpan.FromMilliseconds(500);

    // An answer to "status" is up to 257 lines of the log, and so many in a second are enough for anybody.
    private static readonly TimeSpan BetweenAnswers = TimeSpan.FromMilliseconds(100);

    private readonly ControlOptions _options;
    private readonly HintOptions _hints;
    private readonly EventLoop _loop;
    private readonly SlotTable _table;
    private readonly PolicyEngine _policy;
    private readonly InheritedDescriptors _inherited;
    private readonly ILogger<ControlFifo> _log;
    private readonly Complaints _complaints;
    private readonly LoopTimer _quietTimer;
    private readonly LoopTimer _answerTimer;
    private readonly LineBuffer _lines = new();
    private readonly byte[] _buffer = new byte[ReadSize];
    private readonly LineBuffer.LineHandler _carryOut;
    private readonly Action _read;
    private int _fifo = -1;
    private bool _isHeld, _isAsked, _isReadPosted;

    public ControlFifo(ControlOptions options, HintOptions hints, EventLoop loop, SlotTable table, PolicyEngine policy,
        InheritedDescriptors inherited, ILogger<ControlFifo> log)
    {
        _options = options;
        _hints = hints;
        _loop = loop;
        _table = table;
        _policy = policy;
        _inherited = inherited;
        _log = log;
        _complaints = new Complaints(loop, log);

        // Made once: bytes that were read are carried out also where there is no memory for more.
        _carryOut = CarryOut;
        _read = () =>
        {
            _isReadPosted = false;
            Read();
        };
        _quietTimer = loop.CreateTimer(EndOfQuiet);
        _answerTimer = loop.CreateTimer(AnswerAgain);
    }

    /// <summary>Called after a line has been refused.</summary>
    public event Action? LineRefused;

    /// <summary>Lines that were refused.</summary>
    public long Refused { get; private set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anything of it is touched: it may be another agent's, whose commands these are.
        var path = ControlPath.Choose(_options, _hints, out var why);
        PublishedFile.ExpectOurs(StatusFile.PathBeside(path));
        _isHeld = _inherited.TryTake("control", UnixFileType.Fifo, out _fifo);
        if (_isHeld)
        {
            TellOfInherited();
        }
        else
        {
            if (why is not null)
            {
                Log.ControlElsewhere(_log, path, why);
            }

            _fifo = Open(path);
            Log.ControlListening(_log, path, _options.Mode);
        }

        // Edge-triggered: with no writer a FIFO reads as hung up, and would wake the loop for ever.
        return _loop.InvokeAsync(() =>
        {
            _loop.Add(_fifo, Ready.Read | Ready.EdgeTriggered, _ => ReadUnlessPosted());
            Read();
        });
    }

    /// <summary>
    /// What has been written by now is still carried out. A writer that never stops is left at the end of a line: the next agent, which
    /// may read the same FIFO on, must not begin in the middle of one.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        if (_fifo >= 0)
        {
            var rest = 0;
            var began = _loop.Time.GetTimestamp();
            while (rest < LargestRest && _loop.Time.GetElapsedTime(began) < LongestEnd && TryRead(_buffer.Length, out var count, out _))
            {
                rest += count;
            }

            // To the end of the line, which a busy writer sends on in a moment, byte by byte so as not to begin another.
            began = _loop.Time.GetTimestamp();
            var isInTime = true;
            while (isInTime && _lines.HasPartialLine && (TryRead(1, out _, out var noWriterLeft) || (!noWriterLeft && IsMoreComing())))
            {
                isInTime = _loop.Time.GetElapsedTime(began) < LongestEnd;
            }

            if (_lines.HasPartialLine)
            {
                // Half a line may be another command.
                _lines.Flush(isInTime ? _carryOut : (line, _) => Refuse(line, "its writer does not come to an end, and the agent stops"));
            }

            if (_isAsked)
            {
                _policy.TellStatus();
            }

            _answerTimer.Disarm();
            _quietTimer.Disarm();
            _loop.ForgetShared(_fifo);
            Dispose();
        }
    });

    public void Dispose()
    {
        if (_fifo >= 0)
        {
            _ = Close(_fifo);
            _fifo = -1;
        }
    }

    /// <summary>What systemd made is as its unit says: where the settings say otherwise, an operator has to know.</summary>
    private void TellOfInherited()
    {
        var path = PathOf(_fifo) ?? _options.Path;
        Log.ControlInherited(_log, path, _fifo);
        var found = Ownership.Status(_fifo);
        if (_options.Path != ControlOptions.DefaultPath && _options.Path != path)
        {
            Log.ControlSettingNotUsed(_log, "Path", _options.Path, path);
        }

        if (_options.Mode != ControlOptions.DefaultMode && found.Mode != Ownership.ParseMode(_options.Mode))
        {
            Log.ControlSettingNotUsed(_log, "Mode", _options.Mode, path);
        }

        if (_options.Group != Ownership.ServiceUser && !Ownership.IsOfGroup(found, _options.Group))
        {
            Log.ControlSettingNotUsed(_log, "Group", _options.Group, path);
        }
    }

    private static string? PathOf(int descriptor)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/self/fd/{descriptor}", returnFinalTarget: false)?.FullName;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private int Open(string path)
    {
        Ownership.PrepareDirectory(System.IO.Path.GetDirectoryName(path)!);
        if (MakeFifo(path, 0x180 /* 0600 until it is set up */) == 0)
        {
            Ownership.GiveToServiceUser(path);
        }
        else if (Marshal.GetLastPInvokeError() is not FileExists and var error)
        {
            throw new Fault($"cannot make the FIFO {path}: {Marshal.GetPInvokeErrorMessage(error)}; {Ownership.WhatToRun}");
        }

        using var handle = Ownership.Open(path, UnixFileType.Fifo, FileAccess.Read) ?? throw new Fault($"{path}: vanished right after it was made");
        File.SetUnixFileMode(handle, Ownership.ParseMode(_options.Mode));
        if (Ownership.WhyNotGivenToGroup(handle, _options.Group) is { } reason)
        {
            Log.ControlGroupMissing(_log, path, _options.Group, reason);
        }

        var descriptor = (int)handle.DangerousGetHandle();
        handle.SetHandleAsInvalid();
        return descriptor;
    }

    private void Read()
    {
        if (_fifo < 0)
        {
            return;
        }

        if (TryRead(_buffer.Length, out _, out var noWriterLeft))
        {
            // The edge is used up while there is more: come back after the others.
            PostRead();
        }
        else
        {
            WaitForMore(noWriterLeft);
        }
    }

    /// <summary>More has come. Where a read is to come as well, that one sees it: two would each bring another, and a writer that never stops soon have the loop for itself.</summary>
    private void ReadUnlessPosted()
    {
        if (!_isReadPosted)
        {
            Read();
        }
    }

    private void PostRead()
    {
        if (!_isReadPosted)
        {
            _loop.Post(_read);
            _isReadPosted = true;
        }
    }

    /// <summary>Reads and carries out at most <paramref name="most"/> bytes; false when there are none at the moment.</summary>
    private bool TryRead(int most, out int count, out bool noWriterLeft)
    {
        count = (int)ReadBytes(_fifo, _buffer, most);
        noWriterLeft = count == 0;
        if (count > 0)
        {
            // More of a line that was waiting for its end: it is not quiet.
            _quietTimer.Disarm();
            _lines.Add(_buffer.AsSpan(0, count), _carryOut);
            return true;
        }

        var error = Marshal.GetLastPInvokeError();
        if (count < 0 && error is not (TryAgain or Interrupted))
        {
            throw new IOException($"reading the control FIFO: {Marshal.GetPInvokeErrorMessage(error)}");
        }

        return count < 0 && error == Interrupted;
    }

    /// <summary>A last line without a newline is whole once its writer has gone, or, where systemd holds a writer open, has been quiet.</summary>
    private void WaitForMore(bool noWriterLeft)
    {
        if (!_lines.HasPartialLine)
        {
            _quietTimer.Disarm();
        }
        else if (noWriterLeft)
        {
            _lines.Flush(_carryOut);
        }
        else if (_isHeld)
        {
            _quietTimer.Arm(PartialLineQuiet);
        }
    }

    /// <summary>Nothing came for a while, unless it was the agent that stood still.</summary>
    private void EndOfQuiet()
    {
        if (_fifo >= 0 && TryRead(_buffer.Length, out _, out _))
        {
            PostRead();
        }
        else
        {
            _lines.Flush(_carryOut);
        }
    }

    private void AnswerAgain()
    {
        if (_isAsked)
        {
            Answer();
        }
    }

    /// <summary>Tells the status, unless it has just been told; then a little later, once for all who have asked meanwhile.</summary>
    private void Answer()
    {
        _isAsked = _answerTimer.IsArmed;
        if (!_isAsked)
        {
            _policy.TellStatus();
            _answerTimer.Arm(BetweenAnswers);
        }
    }

    private bool IsMoreComing()
    {
        var poll = new PollDescriptor { Descriptor = _fifo, Events = PollIn };
        return Poll(ref poll, 1, (int)LongestEnd.TotalMilliseconds) > 0;
    }

    private void CarryOut(ReadOnlySpan<byte> line, bool tooLong)
    {
        try
        {
            var reason = "";
            var command = default(ControlCommand);
            var kind = tooLong ? (ControlCommand.IsComment(line) ? LineKind.Nothing : LineKind.Fault) : ControlCommand.Parse(line, _hints.Encoding, out command, out reason);
            if (kind == LineKind.Command)
            {
                CarryOut(command);
            }
            else if (kind == LineKind.Fault)
            {
                Refuse(line, tooLong ? $"expected at most {LineBuffer.MaxLine} bytes before the newline" : reason);
            }
        }
        catch (OutOfMemoryException)
        {
            // Hints need none: this was a complaint, or another policy, and then the one before is still in charge.
            Log.CommandWithoutMemory(_log);
        }
    }

    private void Refuse(ReadOnlySpan<byte> line, string reason)
    {
        Refused++;
        LineRefused?.Invoke();
        if (_complaints.Admit())
        {
            Log.CommandRefused(_log, Printable.Escape(line), reason);
        }
    }

    private void CarryOut(in ControlCommand command)
    {
        switch (command)
        {
            case { Kind: CommandKind.SetHint, Slot: { } slot }:
                _table.SetHint(slot, command.Hint, HintSource.Operator);
                break;
            case { Kind: CommandKind.SetHint }:
                _table.SetAll(command.Hint, HintSource.Operator);
                break;
            case { Kind: CommandKind.Unpin, Slot: { } slot }:
                _policy.Release(slot);
                break;
            case { Kind: CommandKind.Unpin }:
                _policy.ReleaseAll();
                break;
            case { Kind: CommandKind.UsePolicy }:
                _policy.Use(command.Policy);
                break;
            case { Kind: CommandKind.TellStatus }:
                Answer();
                break;
        }
    }

    private const short PollIn = 1;
    private const int Interrupted = 4;
    private const int TryAgain = 11;
    private const int FileExists = 17;

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadBytes(int descriptor, Span<byte> buffer, nint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
