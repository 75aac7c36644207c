namespace MpibAgent.AcceptanceTests;

/// <summary>install.sh on a host with the .NET SDK and without a compiler for native code.</summary>
public sealed class FallbackBuildTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string Tree = "/opt/source";
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(10);

    private static string Packages => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    [Fact]
    public async Task Without_a_compiler_it_says_so_in_a_line_and_installs_an_agent_for_the_runtime_until_there_is_one()
    {
        await CopyTreeAsync();
        await Machine.ShellAsync("mkdir /opt/no-compiler; ln -s /usr/bin/* /opt/no-compiler; rm -f /opt/no-compiler/*gcc* /opt/no-compiler/*clang* /opt/no-compiler/*cc");

        // There is no network in there: the packages are those that built this test, and nobody can be asked how vulnerable they are.
        using var install = Machine.Start("root", "env", "PATH=/opt/no-compiler:/usr/sbin", "HOME=/root", $"NUGET_PACKAGES={Packages}", "NuGetAudit=false",
            $"{Tree}/deploy/install.sh");
        using var timeout = new CancellationTokenSource(BuildLimit);
        var output = await install.StandardOutput.ReadToEndAsync(timeout.Token);
        await install.WaitForExitAsync(timeout.Token);

        Assert.True(install.ExitCode == 0, output + await install.StandardError.ReadToEndAsync(timeout.Token));
        Assert.Single(output.Split('\n'), line => line.Contains("no gcc or clang here", StringComparison.Ordinal) && line.EndsWith(", and this again", StringComparison.Ordinal));
        Assert.EndsWith($"running: {Idle}\n", output, StringComparison.Ordinal);
        Assert.Equal("no", await PropertyAsync("MemoryDenyWriteExecute"));
        await using (var alice = Client("alice"))
        {
            Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        }

        Assert.Equal(0, (await Machine.RunAsync("mpibctl", "status")).ExitCode);

        // With a native one the sandbox is whole again.
        await Machine.ShellAsync($"{Install} --prebuilt {SystemdMachine.Source}/mpib-agent");
        Assert.Equal("yes", await PropertyAsync("MemoryDenyWriteExecute"));
        Assert.Equal(Idle, await PropertyAsync("StatusText"));
        Assert.NotEqual(0, (await Machine.RunAsync("ls", "/usr/lib/systemd/system/mpib-agent.service.d")).ExitCode);
    }

    /// <summary>What a checkout has, without what was built in it.</summary>
    private async Task CopyTreeAsync()
    {
        var copy = await Command.RunAsync(["sh", "-ec", $"""
            cd {AgentBuild.Checkout}
            mkdir -p {Machine.Outside(Tree)}
            tar -c --exclude=bin --exclude=obj src deploy doc README.md mpib-agent.service global.json .editorconfig | tar -x -C {Machine.Outside(Tree)}
            """]);
        Assert.True(copy.ExitCode == 0, copy.ToString());
    }
}
