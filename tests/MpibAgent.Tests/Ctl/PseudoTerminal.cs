using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MpibAgent.Tests.Ctl;

/// <summary>A pseudo-terminal with a program on it, and what its screen shows.</summary>
internal sealed partial class PseudoTerminal : IDisposable
{
    private readonly SafeFileHandle _master;
    private readonly SafeFileHandle _slave;
    private readonly FileStream _stream;
    private readonly Process _process;
    private readonly VirtualScreen _screen;
    private readonly string _name;
    private readonly string _settings;

    public PseudoTerminal(int columns, int rows, string command, string term = "xterm-256color", string locale = "C.UTF-8")
    {
        _master = new SafeFileHandle(OpenMaster(ReadWrite | NoControllingTerminal | CloseOnExec), ownsHandle: true);
        Assert.False(_master.IsInvalid);
        Assert.Equal(0, Grant(Descriptor) | Unlock(Descriptor));
        Span<byte> name = stackalloc byte[64];
        Assert.Equal(0, NameOf(Descriptor, name, name.Length));
        _name = Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]);
        _screen = new VirtualScreen(columns, rows);
        Resize(columns, rows);

        // Held open, so that the master does not end with the program.
        _slave = File.OpenHandle(_name, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        _settings = Settings();
        _stream = new FileStream(_master, FileAccess.ReadWrite, bufferSize: 0);
        var start = new ProcessStartInfo("sh", ["-c", $"exec setsid --ctty --wait {command} <{_name} >{_name} 2>&1"]);
        start.Environment["TERM"] = term;
        start.Environment["LC_ALL"] = locale;
        _process = Process.Start(start)!;
        new Thread(Read) { IsBackground = true }.Start();
    }

    private int Descriptor => (int)_master.DangerousGetHandle();

    /// <summary>The lines of the screen, without blanks at their ends.</summary>
    public string[] Lines
    {
        get
        {
            lock (_screen)
            {
                return _screen.Lines;
            }
        }
    }

    public string Text => string.Join('\n', Lines);

    /// <summary>All that was ever sent to it.</summary>
    public string Sent
    {
        get
        {
            lock (_screen)
            {
                return _screen.Sent;
            }
        }
    }

    /// <summary>A column beyond the last was written to, or a sequence came that no one knows.</summary>
    public string Faults
    {
        get
        {
            lock (_screen)
            {
                return _screen.Faults;
            }
        }
    }

    /// <summary>Whether it is as it was before the program ran: its settings, its own screen, cursor and keypad.</summary>
    public bool IsRestored
    {
        get
        {
            lock (_screen)
            {
                return _screen.IsPlain && Settings() == _settings;
            }
        }
    }

    /// <summary>Whether its own screen, cursor and keypad are as they were.</summary>
    public bool IsPlain
    {
        get
        {
            lock (_screen)
            {
                return _screen.IsPlain;
            }
        }
    }

    /// <summary>Whether the program has been stopped.</summary>
    public bool IsStopped => File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/stat")).Split(") ")[^1][0] == 'T';

    public void Press(string keys) => _stream.Write(Encoding.ASCII.GetBytes(keys));

    public void Resize(int columns, int rows)
    {
        lock (_screen)
        {
            _screen.Resize(columns, rows);
        }

        ReadOnlySpan<ushort> size = [(ushort)rows, (ushort)columns, 0, 0];
        Assert.Equal(0, SetSize(Descriptor, WindowSize, size));
    }

    public void WaitFor(string text) => Assert.True(SpinWait.SpinUntil(() => Text.Contains(text, StringComparison.Ordinal), TimeSpan.FromSeconds(30)),
        $"'{text}' did not come; the screen:\n{Text}");

    /// <summary>The exit code, once it has ended and all that it wrote is on the screen.</summary>
    public int WaitForExit()
    {
        Assert.True(_process.WaitForExit(TimeSpan.FromSeconds(30)), $"it did not end; the screen:\n{Text}");
        using var end = Process.Start("sh", ["-c", $"printf '\\033]end\\007' >{_name}"]);
        end.WaitForExit();
        Wait.Until(() => Sent.EndsWith("\e]end\a", StringComparison.Ordinal));
        return _process.ExitCode;
    }


    /// <summary>Sends a signal to the program, by name. setsid(1), which is no group leader here, has become it.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        _slave.Dispose();
        _stream.Dispose();
        _master.Dispose();
    }

    private string Settings()
    {
        using var stty = Process.Start(new ProcessStartInfo("sh", ["-c", $"stty -g <{_name}"]) { RedirectStandardOutput = true })!;
        var settings = stty.StandardOutput.ReadToEnd();
        stty.WaitForExit();
        return settings;
    }

    private void Read()
    {
        var buffer = new byte[4096];
        var decoder = Encoding.UTF8.GetDecoder();
        var text = new char[4096];
        try
        {
            while (_stream.Read(buffer) is var count and > 0)
            {
                var length = decoder.GetChars(buffer.AsSpan(0, count), text, flush: false);
                lock (_screen)
                {
                    _screen.Write(text.AsSpan(0, length));
                }
            }
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException)
        {
            // The other side is gone.
        }
    }

    private const int ReadWrite = 2;
    private const int NoControllingTerminal = 0x100;
    private const int CloseOnExec = 0x80000;
    private const nuint WindowSize = 0x5414;

    [LibraryImport("libc", EntryPoint = "posix_openpt")]
    private static partial int OpenMaster(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt")]
    private static partial int Grant(int master);

    [LibraryImport("libc", EntryPoint = "unlockpt")]
    private static partial int Unlock(int master);

    [LibraryImport("libc", EntryPoint = "ptsname_r")]
    private static partial int NameOf(int master, Span<byte> name, nint length);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int SetSize(int terminal, nuint request, ReadOnlySpan<ushort> size);
}
