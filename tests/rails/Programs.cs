using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>Starts, ends and waits for processes; only for those that it started.</summary>
internal static class Programs
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    public static Process Start(params string[] words) => Process.Start(new ProcessStartInfo(words[0], words[1..])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    }) ?? throw new InvalidOperationException($"{words[0]} did not start");

    /// <summary>Runs a program to its end, which must be a good one.</summary>
    public static string Run(params string[] words)
    {
        using var process = Start(words);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', words)} did not end within {Limit.TotalSeconds} s");
        }

        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', words)} ended with {process.ExitCode}");
    }

    /// <summary>SIGTERM, and after a while SIGKILL.</summary>
    public static void Stop(Process process)
    {
        if (!process.HasExited)
        {
            Run("kill", "-TERM", process.Id.ToString(CultureInfo.InvariantCulture));
            if (!process.WaitForExit(StopLimit))
            {
                process.Kill();
                process.WaitForExit();
            }
        }

        process.Dispose();
    }
}
