using System.Diagnostics;

namespace MpibAgent.AcceptanceTests;

/// <summary>What a command came to.</summary>
internal sealed record Outcome(string What, int ExitCode, string Output, string Errors)
{
    /// <summary>Its output without the newline at the end; anything but exit code 0 is a failure.</summary>
    public string Text
    {
        get
        {
            Assert.True(ExitCode == 0, ToString());
            return Output.TrimEnd('\n');
        }
    }

    public override string ToString() => $"{What}\nexit code {ExitCode}\n--- output\n{Output}--- errors\n{Errors}";
}

/// <summary>Runs a command to its end, with nothing on its standard input.</summary>
internal static class Command
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task<Outcome> RunAsync(string[] words, TimeSpan? limit = null)
    {
        using var process = Start(words);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var timeout = new CancellationTokenSource(limit ?? Limit);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
            return new Outcome(string.Join(' ', words), process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', words)}\ndid not end; output\n{await output}--- errors\n{await errors}");
        }
    }

    public static Process Start(string[] words) => Process.Start(new ProcessStartInfo(words[0], words[1..])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
