namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>A C program of these tests, beside them in the source, built at its first use.</summary>
internal sealed class CProgram
{
    public static readonly CProgram Keeper = new("Chaos/keeper.c");
    public static readonly CProgram Client = new("Chaos/chaos_client.c");
    public static readonly CProgram Stepper = new("Chaos/stepper.c");
    public static readonly CProgram Crowd = new("Overload/crowd.c");

    private static readonly Lazy<string> Directory = new(MakeDirectory);

    private readonly Lazy<Task<string>> _program;

    private CProgram(string source) => _program = new(() => BuildAsync(source));

    /// <summary>The built program.</summary>
    public Task<string> PathAsync() => _program.Value;

    private static async Task<string> BuildAsync(string source)
    {
        var program = Path.Combine(Directory.Value, Path.GetFileNameWithoutExtension(source));
        var outcome = await Command.RunAsync(["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-pthread",
            Path.Combine(AgentBuild.Checkout, "tests", "MpibAgent.AcceptanceTests", source), "-o", program]);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        return program;
    }

    private static string MakeDirectory()
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("mpib-c").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => System.IO.Directory.Delete(directory, recursive: true);
        return directory;
    }
}
