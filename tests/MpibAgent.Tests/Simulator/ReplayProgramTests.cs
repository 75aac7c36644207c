using System.Diagnostics;

namespace MpibAgent.Tests.Simulator;

public sealed class ReplayProgramTests
{
    private const string Short = """
        { "name": "short", "duration_s": 0.1, "rails": { "sout": { "link_gbps": 400 }, "sup": { "link_gbps": 400 } },
          "flows": [{ "workload": { "kind": "stream" } }] }
        """;

    [Theory]
    [InlineData("a.json --seeds 0 --check", "--seeds: expected at least 1, got 0")]
    [InlineData("a.json --policy , --check", "--policy and --encoding: expected one of each or more, got none")]
    [InlineData("a.json --period -5", "--period: expected above 0, to 3600000, got -5")]
    [InlineData("a.json --refresh -1", "--refresh: expected 0 to 3600000, got -1")]
    [InlineData("a.json --random 2", "FILE: expected none beside --random and --random-seed, got a.json")]
    [InlineData("a.json b.json", "FILE: expected scenarios with a name each, got 2 that are called short")]
    [InlineData("a.json --pictures b.json", "b.json")]
    [InlineData("a.json --calm 20", "--calm: expected --random or --random-seed beside it, got neither")]
    [InlineData("--random 1 --calm 2", "--calm: expected 5 to 3600, got 2")]
    [InlineData("--random 0", "--random: expected at least 1, got 0")]
    [InlineData("--seeds x", "--seeds: expected a number, got x")]
    [InlineData("a.json --period 5ms", "--period: expected a number, got 5ms")]
    [InlineData("a.json --sedes 5", "options: expected those of --help, got --sedes")]
    [InlineData("--random 5 --sedes 5", "options: expected those of --help, got --sedes")]
    [InlineData("a.json --seeds", "Required argument missing for option: '--seeds'.")]
    public async Task What_cannot_be_run_is_told_with_exit_code_2(string arguments, string expected)
    {
        using var files = new TempDirectory();
        await File.WriteAllTextAsync(files["a.json"], Short, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(files["b.json"], Short, TestContext.Current.CancellationToken);
        using var program = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "policy-replay.dll"), .. arguments.Split(' ')])
        {
            WorkingDirectory = files.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = program.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await program.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await program.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Empty(await output);
        Assert.StartsWith("policy-replay: ", errors, StringComparison.Ordinal);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
        Assert.Equal(2, program.ExitCode);
    }
}
