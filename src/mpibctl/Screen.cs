using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace MpibCtl;

/// <summary>Makes the lines of a screen of so many columns and rows, of which what is too long scrolls.</summary>
public delegate IReadOnlyList<Line> Drawing(int columns, int rows, Scroll scroll);

/// <summary>
/// A screen of its own over what the terminal shows: drawn anew at every interval, at a key and when the size changes; q and Ctrl-C end it, and the terminal is
/// as it was, also after a signal. Without a terminal the same goes out as plain text, block after block. What is to be drawn may wait, for an agent that does not
/// answer or a device that hangs; who wants it to end does not wait with it.
/// </summary>
public static class Screen
{
    private const string Enter = "\e[?1049h\e[?25l\e[?7l";
    private const string Leave = "\e[?7h\e[?25h\e[?1049l";

    /// <summary>Shows what <paramref name="draw"/> returns for so many columns and rows until it is told to end.</summary>
    /// <param name="draw">Called with columns, rows and where the keys have moved it to.</param>
    /// <param name="interval">How often.</param>
    /// <param name="count">How many times; null: until the end.</param>
    /// <param name="isPlain">As if there were no terminal.</param>
    public static void Run(Drawing draw, TimeSpan interval, int? count, bool isPlain = false)
    {
        using var changed = new SemaphoreSlim(0);
        using var over = new CancellationTokenSource();
        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            over.Cancel();
            changed.Release();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, End);
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, End);
        if (isPlain || !Terminal.IsScreen)
        {
            var top = new Scroll();
            for (var i = 0; !over.IsCancellationRequested && (count is null || i < count) && !Terminal.HasLostItsReader(); i++)
            {
                if (Await(() => draw(Terminal.Columns, int.MaxValue, top), over.Token) is not { } lines)
                {
                    break;
                }

                Console.Out.Write(string.Concat(lines.Select(line => line + "\n")) + (lines.Count > 1 ? "\n" : ""));
                Console.Out.Flush();
                _ = (count is null || i < count - 1) && changed.Wait(interval);
            }

            return;
        }

        using var resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => changed.Release());
        var scroll = new Scroll();
        var moves = new ConcurrentQueue<int>();
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
                    over.Cancel();
                    break;
                case { Key: ConsoleKey.DownArrow or ConsoleKey.J }:
                    moves.Enqueue(1);
                    break;
                case { Key: ConsoleKey.UpArrow or ConsoleKey.K }:
                    moves.Enqueue(-1);
                    break;
            }

            changed.Release();
        });
        try
        {
            Console.Out.Write(Enter);
            for (var i = 0; !over.IsCancellationRequested && (count is null || i < count); i++)
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

                if (Await(() => draw(Terminal.Columns, Terminal.Rows, scroll), over.Token) is not { } lines)
                {
                    break;
                }

                Show(lines);
                _ = changed.Wait(interval);
                while (changed.Wait(0))
                {
                }

                while (moves.TryDequeue(out var rows))
                {
                    scroll.Move(rows);
                }
            }
        }
        finally
        {
            Console.Out.Write(Leave);
            Console.Out.Flush();
        }
    }

    /// <summary>The lines, once they are drawn; null when it is over before that, and then the drawing is left to end with the process.</summary>
    private static IReadOnlyList<Line>? Await(Func<IReadOnlyList<Line>> draw, CancellationToken over)
    {
        var drawing = Task.Run(draw, CancellationToken.None);
        try
        {
            Task.WaitAny([drawing], over);
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        return drawing.GetAwaiter().GetResult();
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
