namespace MpibAgent.AcceptanceTests;

/// <summary>The drop-ins of "The job's cores" in operations.md, on all threads of the running service.</summary>
public sealed class CoresTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private static readonly string[] OwnThreads = ["mpib-agent", "mpib-log", "mpib-loop"];

    [Fact]
    public async Task The_drop_in_of_the_manual_keeps_every_thread_on_its_core_and_the_agent_serves()
    {
        await DropInAsync(DropInOfTheManual());
        await SystemctlAsync("restart", "mpib-agent.service");

        Assert.Equal(Idle, await PropertyAsync("StatusText"));
        Assert.Equal(["0"], await OfThreadsAsync("sed -n 's/^Cpus_allowed_list:[[:blank:]]*//p' /proc/$pid/task/*/status"));

        // Field 19 of stat(5), with the name, which may hold blanks, taken off.
        Assert.Equal(["-5"], await OfThreadsAsync("sed 's/.*) //' /proc/$pid/task/*/stat | cut -d' ' -f17"));
        Assert.Equal("", (await Machine.RunAsync("systemd-analyze", "verify", "--man=no", "mpib-agent.service")).Errors);
    }

    [Theory]
    [InlineData("CPUSchedulingPolicy=fifo\\nCPUSchedulingPriority=1", "1")]
    [InlineData("CPUSchedulingPolicy=batch", "3")]
    public async Task The_sandbox_leaves_the_scheduling_policy_to_the_unit(string lines, string policy)
    {
        await DropInAsync(lines);
        await SystemctlAsync("restart", "mpib-agent.service");

        Assert.Equal(Idle, await PropertyAsync("StatusText"));

        // Field 41 of stat(5).
        Assert.Equal([policy], await OfThreadsAsync("sed 's/.*) //' /proc/$pid/task/*/stat | cut -d' ' -f39"));
    }

    [Fact]
    public async Task Threads_are_few_and_named_for_what_they_do()
    {
        var names = await OfThreadsAsync("cat /proc/$pid/task/*/comm");

        Assert.Superset(OwnThreads.ToHashSet(), names.ToHashSet());
        Assert.All(names.Except(OwnThreads), name => Assert.Contains(name, File.ReadAllText(Path.Combine(AgentBuild.Checkout, "doc", "architecture.md")),
            StringComparison.Ordinal));
        Assert.DoesNotContain(".NET Sockets", names);
    }

    /// <summary>What a shell command says of the service's threads, each answer once; $pid is the service's.</summary>
    private async Task<string[]> OfThreadsAsync(string command) =>
        (await Machine.ShellAsync($"pid={await MainPidAsync()}; {command} | sort -u")).Split('\n');

    private static string DropInOfTheManual()
    {
        var section = File.ReadLines(Path.Combine(AgentBuild.Checkout, "doc", "operations.md"))
            .SkipWhile(line => line != "## The job's cores").TakeWhile(line => line != "## Watchdog");
        return string.Join("\\n", section.Where(line => line.StartsWith("        ", StringComparison.Ordinal)).Select(line => line.Trim()).Where(line => line != "[Service]"));
    }
}
