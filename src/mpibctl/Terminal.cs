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

    /// <summary>Its columns; without a screen lines are as long as they are.</summary>
    public static int Columns => !IsScreen ? Unlimited : System.Console.WindowWidth is var columns and > 0 ? Math.Max(20, columns) : 80;

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

    /// <summary>Returns when nobody can read any more what is written; into a file never.</summary>
    public static void WaitForNoReader()
    {
        // Asked for nothing, it tells of that alone; otherwise a signal came.
        var output = new Descriptor { Number = 1 };
        while (Poll(ref output, 1, -1) <= 0)
        {
        }
    }

    /// <summary>At the end: Console switches the keypad over when it is first used, and leaves it so. A terminal that has gone needs nothing.</summary>
    public static void Restore()
    {
        try
        {
            if (IsScreen)
            {
                System.Console.Out.Write(KeypadAsItWas);
                System.Console.Out.Flush();
            }
        }
        catch (IOException)
        {
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
