using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.Tests.Ctl;

/// <summary>The real mpibctl, run to its end without a terminal.</summary>
internal static class Ctl
{
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "mpibctl");

    public static (int Code, string Output, string Errors) Run(TempDirectory files, params string[] arguments) =>
        RunWith(null, [.. arguments, "--agent", files["status.json"]]);

    public static (int Code, string Output, string Errors) RunWith((string Name, string Value)? variable, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["LC_ALL"] = "C.UTF-8";
        if (variable is var (name, value))
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)), string.Create(CultureInfo.InvariantCulture, $"it did not end: {output}"));
        return (process.ExitCode, output, errors.Result);
    }
}
