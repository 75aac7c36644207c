using System.Runtime.InteropServices;
using Spectre.Console;

namespace MpibCtl;

/// <summary>What the standard output is, and writing lines to it: with colours where they are wanted (NO_COLOR, TERM=dumb, a pipe: without).</summary>
public static partial class Terminal
{
    private const int Unlimited = 100_000;

    private static readonly Lazy<IAnsiConsole> Console = new(() =>
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = IsScreen ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = IsScreen && !HasNoColor ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });

        // Lines are cut where a screen needs it, and nowhere else: one that is broken in two cannot be copied.
        console.Profile.Width = Unlimited;
        return console;
    });

    /// <summary>Whether it is a terminal that can move its cursor.</summary>
    public static bool IsScreen { get; } = !System.Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } and not "dumb";

    /// <summary>Whether its characters are Unicode, by the locale.</summary>
    public static bool IsUnicode { get; } = (Variable("LC_ALL") ?? Variable("LC_CTYPE") ?? Variable("LANG") ?? "")
        .Replace("-", "", StringComparison.Ordinal).Contains("utf8", StringComparison.OrdinalIgnoreCase);

    /// <summary>Its columns; without a terminal lines are as long as they are.</summary>
    public static int Columns => System.Console.IsOutputRedirected ? Unlimited : System.Console.WindowWidth is var columns and > 0 ? Math.Max(20, columns) : 80;

    /// <summary>Its rows. A serial line knows no size: it has 80 columns and 24 rows.</summary>
    public static int Rows => System.Console.WindowHeight is var rows and > 0 ? Math.Max(4, rows) : 24;

    /// <summary>See no-color.org.</summary>
    private static bool HasNoColor => Variable("NO_COLOR") is not null;

    /// <summary>Writes lines. Those that are longer than the terminal go on in the next row, so that they can be copied.</summary>
    public static void Write(IEnumerable<Line> lines)
    {
        foreach (var line in lines)
        {
            System.Console.Out.WriteLine(ToAnsi(line));
        }
    }

    /// <summary>A line with the escape sequences that this terminal takes.</summary>
    public static string ToAnsi(Line line) => IsScreen ? Console.Value.ToAnsi(line.ToParagraph()).TrimEnd('\n', '\r') : line.ToString();

    /// <summary>Whether it is a pipe whose reader has had enough, as in `mpibctl top | head`: Console does not say.</summary>
    public static bool HasLostItsReader()
    {
        var output = new Descriptor { Number = 1 };
        return Poll(ref output, 1, 0) > 0 && (output.Seen & PollError) != 0;
    }

    /// <summary>At the end: Console switches the keypad over when it is first used, and leaves it so.</summary>
    public static void Restore()
    {
        if (IsScreen)
        {
            System.Console.Out.Write(KeypadAsItWas);
            System.Console.Out.Flush();
        }
    }

    /// <summary>One line for the operator, about something that did not work; where there is no place for that either, the exit code says it.</summary>
    public static void Complain(string text)
    {
        try
        {
            System.Console.Error.WriteLine($"mpibctl: {text}");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>Stops this process, as Ctrl-Z does, until it is told to go on.</summary>
    public static void Stop()
    {
        Restore();
        _ = Kill(Environment.ProcessId, SignalStop);
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private const string KeypadAsItWas = "\e[?1l\e>";
    private const short PollError = 8;
    private const int SignalStop = 19;

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Descriptor
    {
        public int Number;
        public short Wanted;
        public short Seen;
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref Descriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>Makes the lines of a screen of so many columns and rows, from a first row of what scrolls.</summary>
public delegate IReadOnlyList<Line> Drawing(int columns, int rows, ref int first);

/// <summary>
/// A screen of its own over what the terminal shows: drawn anew at every interval, at a key and when the size changes; q and Ctrl-C end it, and the terminal is
/// as it was, also after a signal. Without a terminal the same goes out as plain text, block after block.
/// </summary>
public static class Screen
{
    private const string Enter = "\e[?1049h\e[?25l\e[?7l";
    private const string Leave = "\e[?7h\e[?25h\e[?1049l";

    /// <summary>Shows what <paramref name="draw"/> returns for so many columns and rows until it is told to end.</summary>
    /// <param name="draw">Called with columns, rows and the row to begin with, which it brings back to the last that makes sense.</param>
    /// <param name="interval">How often.</param>
    /// <param name="count">How many times; null: until the end.</param>
    /// <param name="isPlain">As if there were no terminal.</param>
    public static void Run(Drawing draw, TimeSpan interval, int? count, bool isPlain = false)
    {
        using var changed = new SemaphoreSlim(0);
        var isOver = false;
        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            isOver = true;
            changed.Release();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, End);
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, End);
        if (isPlain || !Terminal.IsScreen)
        {
            var top = 0;
            for (var i = 0; !isOver && (count is null || i < count) && !Terminal.HasLostItsReader(); i++)
            {
                var lines = draw(Terminal.Columns, int.MaxValue, ref top);
                Console.Out.Write(string.Concat(lines.Select(line => line + "\n")) + (lines.Count > 1 ? "\n" : ""));
                Console.Out.Flush();
                _ = (count is null || i < count - 1) && changed.Wait(interval);
            }

            return;
        }

        using var resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => changed.Release());
        var first = 0;
        var (isToStop, isBack) = (false, false);
        using var stop = PosixSignalRegistration.Create(PosixSignal.SIGTSTP, context =>
        {
            // Not here: a frame may be on its way.
            context.Cancel = true;
            isToStop = true;
            changed.Release();
        });
        using var resumed = PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ =>
        {
            isBack = true;
            changed.Release();
        });
        StartKeys(key =>
        {
            switch (key)
            {
                case { Key: ConsoleKey.Q or ConsoleKey.Escape } or { KeyChar: '\x03' }:
                    isOver = true;
                    break;
                case { Key: ConsoleKey.DownArrow or ConsoleKey.J }:
                    first++;
                    break;
                case { Key: ConsoleKey.UpArrow or ConsoleKey.K }:
                    first = Math.Max(0, first - 1);
                    break;
            }

            changed.Release();
        });
        try
        {
            Console.Out.Write(Enter);
            for (var i = 0; !isOver && (count is null || i < count); i++)
            {
                if (isToStop)
                {
                    isToStop = false;
                    Console.Out.Write(Leave);
                    Terminal.Stop();
                    isBack = true;
                }

                if (isBack)
                {
                    isBack = false;
                    Console.Out.Write(Enter);
                }

                Show(draw(Terminal.Columns, Terminal.Rows, ref first));
                _ = changed.Wait(interval);
                while (changed.Wait(0))
                {
                }
            }
        }
        finally
        {
            Console.Out.Write(Leave);
            Console.Out.Flush();
        }
    }

    private static void Show(IReadOnlyList<Line> lines)
    {
        var (columns, rows) = (Terminal.Columns, Terminal.Rows);
        var frame = new System.Text.StringBuilder("\e[H");
        for (var row = 0; row < Math.Min(rows, lines.Count); row++)
        {
            frame.Append(row > 0 ? "\r\n" : "").Append(Terminal.ToAnsi(lines[row].Cut(columns, Terminal.IsUnicode))).Append("\e[K");
        }

        // One write: no terminal shows half a frame for long.
        Console.Out.Write(frame.Append("\e[J").ToString());
        Console.Out.Flush();
    }

    private static void StartKeys(Action<ConsoleKeyInfo> pressed)
    {
        if (Console.IsInputRedirected)
        {
            return;
        }

        new Thread(() =>
        {
            try
            {
                while (true)
                {
                    pressed(Console.ReadKey(intercept: true));
                }
            }
            catch (Exception fault) when (fault is InvalidOperationException or IOException or ObjectDisposedException)
            {
                // The terminal has gone; SIGHUP says the same.
            }
        })
        { IsBackground = true }.Start();
    }
}
