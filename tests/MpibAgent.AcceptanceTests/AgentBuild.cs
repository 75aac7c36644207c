using System.Reflection;

namespace MpibAgent.AcceptanceTests;

/// <summary>The agent as it is shipped and the client that plays the plugin, built once, in a directory of its own.</summary>
internal sealed class AgentBuild : IDisposable
{
    /// <summary>The working tree that is tested.</summary>
    public static readonly string Checkout = typeof(AgentBuild).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "Checkout").Value!;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mpib-acceptance-");

    public string Agent => Path.Combine(_directory.FullName, "mpib-agent");

    /// <summary>Built beside the agent.</summary>
    public string Tool => Path.Combine(_directory.FullName, "mpibctl");

    /// <summary>Built beside the agent.</summary>
    public string Exporter => Path.Combine(_directory.FullName, "mpib-exporter");

    public string Plugin => Path.Combine(_directory.FullName, "plugin");

    /// <summary>
    /// Builds what an operator would build, by the script that an operator would use. A machine that is too slow for that is given the agent, with the
    /// other programs beside it, in MPIB_PREBUILT.
    /// </summary>
    public async Task BuildAsync()
    {
        string[] make = Environment.GetEnvironmentVariable("MPIB_PREBUILT") is { Length: > 0 } prebuilt
            ? ["cp", prebuilt, Path.Combine(Path.GetDirectoryName(prebuilt)!, "mpibctl"), Path.Combine(Path.GetDirectoryName(prebuilt)!, "mpib-exporter"), _directory.FullName]
            : [Path.Combine(Checkout, "deploy", "install.sh"), "--build-only", Agent];
        var source = Path.Combine(Checkout, "tests", "MpibAgent.AcceptanceTests", "plugin.c");
        var outcomes = await Task.WhenAll(
            Command.RunAsync(make, Limit),
            Command.RunAsync(["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", source, "-o", Plugin], Limit));
        Assert.All(outcomes, outcome => Assert.True(outcome.ExitCode == 0, outcome.ToString()));
    }

    /// <summary>Packs it under a version, as a release is packed.</summary>
    public async Task PackAsync(string version, string directory)
    {
        var outcome = await Command.RunAsync(
            [Path.Combine(Checkout, "deploy", "build-packages.sh"), "--prebuilt", Agent, "--version", version, directory], Limit);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
