using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace MpibAgent.Tests.Ctl;

/// <summary>Every mpibctl command that the documents show is run as it stands.</summary>
public sealed partial class DocumentTests
{
    public static TheoryData<string> Commands { get; } = [.. new[] { "README.md", "doc/mpibctl.md", "doc/operations.md", "doc/man/mpibctl.1" }
        .SelectMany(document => File.ReadLines(Path.Combine(Root(), document)))
        .Select(line => Shown().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value).Distinct()];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task It_does_what_the_document_says(string command)
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files);
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
        plugin.Do("register 1 10.0.0.1 10.0.0.2");
        plugin.Do("register 2 10.0.0.1 10.0.0.4");

        using var shell = Process.Start(new ProcessStartInfo("sh", ["-c", $"timeout 5 {Ctl.Program} {command} --agent {files["status.json"]} 2>&1"])
        {
            RedirectStandardOutput = true,
        })!;
        var said = await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);

        // What goes on for ever is ended: 124. Without a journal, or units, these say so.
        int[] expected = command switch
        {
            "set 10.0.0.9,10.0.0.4 1" => [1],
            "set 0 120%" => [2],
            _ when command.StartsWith("events", StringComparison.Ordinal) || command == "check" => [0, 1, 124],
            _ => [0, 124],
        };
        Assert.True(expected.Contains(shell.ExitCode), said);
    }

    private static string Root([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "../../.."));

    // Up to the comment, or to the pipe; in the man page without an indent.
    [GeneratedRegex(@"^(?:    (?:\$ )?|\.Dl sudo )?mpibctl ([a-z][^#|]*?)\s*(?:[#|].*)?$")]
    private static partial Regex Shown();
}
