using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Registration;
using MpibAgent.Slots;

namespace MpibAgent.Status;

/// <summary>
/// What others may know of the agent: a world-readable snapshot beside the control FIFO, replaced as a whole when something has changed, at most
/// once a second, and never otherwise. Owns the file and the timer; on the loop's thread.
/// </summary>
/// <remarks>
/// The agent holds a write lock on the file (fcntl(2), F_OFD_SETLK) for as long as it lives, whichever way it ends. Who can read the file can ask
/// whether it is locked; to lock it against the agent, or to feign an agent that has died, takes write access. A stop removes the file.
/// </remarks>
internal sealed partial class StatusFile : IHostedService, IDisposable
{
    /// <summary>A job's registrations come in a burst: they are one change.</summary>
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    /// <summary>With a hundred thousand connections a snapshot takes its time: the pause is so many times that, so it is 1% of the loop's at most.</summary>
    private const int PausePerEffort = 100;

    private readonly string _path;
    private readonly EventLoop _loop;
    private readonly SlotTable _table;
    private readonly PolicyEngine _policy;
    private readonly StatusPicture _picture;
    private readonly ILogger<StatusFile> _log;
    private readonly LoopTimer _timer;
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private SafeFileHandle? _handle;
    private long _notBefore = long.MinValue;
    private bool _isFailing;

    public StatusFile(ControlOptions control, HintOptions hints, RegistrationOptions registration, RailOptions rails, EventLoop loop, HintRegion region,
        SlotTable table, PolicyEngine policy, ILogger<StatusFile> log)
    {
        var fifo = ControlPath.Choose(control, hints, out _);
        _path = Path.Combine(Path.GetDirectoryName(fifo)!, StatusSnapshot.FileName);
        _loop = loop;
        _table = table;
        _policy = policy;
        _log = log;
        _picture = new StatusPicture(new AgentPaths(hints.Path, registration.Path, fifo, rails.SysRoot), hints, region, table, policy);
        _timer = loop.CreateTimer(Write);
    }

    /// <summary>Where a snapshot is made before it gets its name.</summary>
    public static string DraftOf(string path) => path + ".new";

    public Task StartAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        // One that stopped has taken its file along.
        _picture.Begin(predecessorEnded: File.Exists(_path));
        _table.Changed += WriteSoon;
        _policy.Decided += WriteSoon;
        _policy.Steered += WriteSoon;
        Write();
    });

    public Task StopAsync(CancellationToken cancellationToken) => _loop.InvokeAsync(() =>
    {
        _table.Changed -= WriteSoon;
        _policy.Decided -= WriteSoon;
        _policy.Steered -= WriteSoon;
        _timer.Disarm();
        if (_handle is not null)
        {
            TryDelete(_path);
            Dispose();
        }
    });

    public void Dispose()
    {
        _handle?.Dispose();
        _handle = null;
    }

    private void WriteSoon()
    {
        if (!_timer.IsArmed)
        {
            _timer.ArmAt(Math.Max(After(_loop.Time.GetTimestamp(), Delay), _notBefore));
        }
    }

    private void Write()
    {
        var began = _loop.Time.GetTimestamp();
        try
        {
            _buffer.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_buffer))
            {
                JsonSerializer.Serialize(json, _picture.Take(), StatusJson.Default.StatusSnapshot);
            }

            _buffer.Write("\n"u8);
            var isFirst = _handle is null;
            Replace(_buffer.WrittenSpan);
            var ended = _loop.Time.GetTimestamp();

            // The first one pays for what is used for the first time.
            var pause = isFirst ? TimeSpan.Zero : _loop.Time.GetElapsedTime(began, ended) * PausePerEffort;
            _notBefore = After(ended, pause > Pause ? pause : Pause);
            if (_isFailing)
            {
                _isFailing = false;
                Log.StatusWrittenAgain(_log, _path);
            }
        }
        catch (Exception fault) when (fault is Fault or IOException or UnauthorizedAccessException)
        {
            // A status that nobody can read is no reason to keep jobs waiting.
            if (!_isFailing)
            {
                _isFailing = true;
                Log.StatusNotWritten(_log, _path, fault.Message);
            }

            _timer.Arm(Retry);
        }
    }

    private void Replace(ReadOnlySpan<byte> bytes)
    {
        Ownership.PrepareDirectory(Path.GetDirectoryName(_path)!);
        var draft = DraftOf(_path);

        // What lies there is the draft of an agent that died, or nobody's business: removed and never opened, so no link is followed.
        File.Delete(draft);
        var handle = Ownership.Create(draft, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        try
        {
            RandomAccess.Write(handle, bytes, 0);
            var whole = new FileRange { Type = WriteLock };
            if (Control((int)handle.DangerousGetHandle(), SetLockOfDescription, ref whole) != 0)
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

    private const short WriteLock = 1;
    private const int SetLockOfDescription = 37;

    /// <summary>struct flock: start and length 0 are the whole file.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FileRange
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Pid;
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, ref FileRange range);
}
