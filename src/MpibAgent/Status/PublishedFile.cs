using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using MpibAgent.Interface;

namespace MpibAgent.Status;

/// <summary>
/// A world-readable file of the agent: replaced as a whole when its owner says that something has changed, at most once in an interval, and never
/// otherwise. Where it cannot be written it says so once and tries again. Owns the file and the timer; on the loop's thread.
/// </summary>
/// <remarks>
/// The agent holds a <see cref="LivenessLock"/> on the file for as long as it lives, whichever way it ends. Who can read the file can ask
/// whether it is locked; to lock it against the agent, or to feign an agent that has died, takes write access.
/// </remarks>
internal sealed class PublishedFile : IDisposable
{
    /// <summary>A job's registrations come in a burst: they are one change.</summary>
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    /// <summary>With a hundred thousand connections a text takes its time: the pause is so many times that, so it is 1% of the loop's at most.</summary>
    private const int PausePerEffort = 100;

    /// <summary>On a crowded host a text takes long because the loop waits for a core: that is no reason to look stuck.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(StatusSnapshot.MostBehind);

    private readonly string _path;
    private readonly TimeSpan _interval;
    private readonly EventLoop _loop;
    private readonly Func<ArrayBufferWriter<byte>, bool> _compose;
    private readonly Action<string> _reportFailure;
    private readonly Action _reportSuccess;
    private readonly LoopTimer _timer;
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private SafeFileHandle? _handle;
    private long _notBefore = long.MinValue;
    private bool _isBehind;
    private bool _isFailing;

    /// <param name="path">Where it is, in a directory of the agent's own.</param>
    /// <param name="interval">How long it stays at least.</param>
    /// <param name="loop">Gives the clock and the timer.</param>
    /// <param name="compose">Writes what is to be in it; false when that is what is in it already.</param>
    /// <param name="reportFailure">Called with the reason when it cannot be written, once.</param>
    /// <param name="reportSuccess">Called when it can be again.</param>
    public PublishedFile(string path, TimeSpan interval, EventLoop loop, Func<ArrayBufferWriter<byte>, bool> compose, Action<string> reportFailure,
        Action reportSuccess)
    {
        (_path, _interval, _loop, _compose, _reportFailure, _reportSuccess) = (path, interval, loop, compose, reportFailure, reportSuccess);
        _timer = loop.CreateTimer(Write);
    }

    /// <summary>Something has changed, or will have when it is next allowed to be written.</summary>
    public void WriteSoon()
    {
        if (!_timer.IsArmed)
        {
            _timer.ArmAt(Math.Max(After(_loop.Time.GetTimestamp(), Delay), _notBefore));
        }
    }

    /// <summary>Writes the first one. What a dead predecessor left goes before: it is a lie by now, and where the disk is full, its room is all that there is.</summary>
    /// <exception cref="Fault">It is that of another agent, which lives.</exception>
    public void Begin()
    {
        ExpectOurs(_path);
        TryDelete(_path);
        Write();
    }

    /// <summary>Expects that no other agent writes it.</summary>
    /// <exception cref="Fault">One does, which lives.</exception>
    public static void ExpectOurs(string path)
    {
        if (IsAnothers(path))
        {
            throw new Fault($"{path}: another agent writes it, and it lives; two agents need paths of their own, --control and --metrics-file too");
        }
    }

    private void Write()
    {
        var began = _loop.Time.GetTimestamp();
        try
        {
            var isFirst = _handle is null;
            _buffer.ResetWrittenCount();
            if (_compose(_buffer) || _isBehind)
            {
                _isBehind = true;
                Replace(_buffer.WrittenSpan);
                _isBehind = false;
            }

            var ended = _loop.Time.GetTimestamp();

            // The first one pays for what is used for the first time.
            var pause = isFirst ? TimeSpan.Zero : _loop.Time.GetElapsedTime(began, ended) * PausePerEffort;
            pause = pause < LongestPause ? pause : LongestPause;
            _notBefore = After(ended, pause > _interval ? pause : _interval);
            if (_timer.IsArmed)
            {
                _timer.ArmAt(_notBefore);
            }

            if (_isFailing)
            {
                _isFailing = false;
                _reportSuccess();
            }
        }
        catch (Exception fault) when (fault is Fault or IOException or UnauthorizedAccessException)
        {
            // A file that nobody can read is no reason to keep jobs waiting.
            if (!_isFailing)
            {
                _isFailing = true;
                _reportFailure(fault.Message);
            }

            _timer.Arm(Retry);
        }
    }

    /// <summary>Takes it away, unless it never was there.</summary>
    public void Remove()
    {
        _timer.Disarm();
        if (_handle is not null)
        {
            TryDelete(_path);
            Dispose();
        }
    }

    /// <summary>Takes it away until it can be written again, and lets go of the room that it took.</summary>
    public void Withdraw()
    {
        TryDelete(_path);
        Dispose();
    }

    public void Dispose()
    {
        _handle?.Dispose();
        _handle = null;
    }

    private void Replace(ReadOnlySpan<byte> bytes)
    {
        Ownership.PrepareDirectory(Path.GetDirectoryName(_path)!);
        var draft = Ownership.DraftOf(_path);

        // What lies there is the draft of an agent that died, or nobody's business: removed and never opened, so no link is followed.
        File.Delete(draft);
        var handle = Ownership.Create(draft, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        try
        {
            RandomAccess.Write(handle, bytes, 0);
            if (!LivenessLock.TryTake(handle))
            {
                throw new IOException($"cannot lock {draft}: {Marshal.GetLastPInvokeErrorMessage()}");
            }

            // Only now can a stranger open it.
            File.SetUnixFileMode(handle, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            File.Move(draft, _path, overwrite: true);
        }
        catch
        {
            handle.Dispose();
            TryDelete(draft);
            throw;
        }

        // After the rename: whoever finds the old file without a lock finds another one under its name.
        _handle?.Dispose();
        _handle = handle;
    }

    /// <summary>Takes away what an agent that is dead has left at <paramref name="path"/>: before a start that may fail, since for a reader it would live on.</summary>
    public static void Clear(string path)
    {
        if (path.Length > 0 && FileStatus.Of(path) is { Type: UnixFileType.Regular } found && Ownership.IsTrusted(found.Owner) && !IsAnothers(path))
        {
            TryDelete(path);
        }
    }

    private static bool IsAnothers(string path)
    {
        try
        {
            // Looked at before it is opened: a FIFO would wait.
            using var handle = FileStatus.Of(path) is { Type: UnixFileType.Regular } ? File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete) : null;
            return handle is not null && LivenessLock.IsTaken(handle);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // What cannot be opened is not written by an agent of ours.
            return false;
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // The directory is gone, or no longer ours.
        }
    }

    private long After(long timestamp, TimeSpan time) => timestamp + (long)(time.TotalSeconds * _loop.Time.TimestampFrequency);
}
