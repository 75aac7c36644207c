
namespace MpibAgent.AcceptanceTests;

/// <summary>A user without root who tries the agent out.</summary>
public sealed class UserRunTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Theory]
    [InlineData("env XDG_RUNTIME_DIR=/home/alice", "/home/alice/mpib/control", "this user cannot write to /run/mpib")]
    [InlineData("env --unset=XDG_RUNTIME_DIR", "/tmp/mpib/control", "there is no XDG_RUNTIME_DIR")]
    public async Task Without_root_the_fifo_goes_where_the_user_can_write_and_the_agent_says_so(string environment, string fifo, string why)
    {
        await Machine.ShellAsync($"systemctl stop {Units}; rm -rf /tmp/mpib; mkdir -p /home/alice; chown alice: /home/alice");
        using var agent = Machine.Start("alice", [.. environment.Split(' '), "/usr/sbin/mpib-agent"]);
        var saying = agent.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await Wait.UntilAsync(async () => (await Machine.RunAsync("test", "-p", fifo)).ExitCode == 0);

        await using (var alice = Client("alice"))
        {
            Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
            await Machine.RunAsUserAsync("alice", "sh", "-c", $"echo 0 2 >{fifo}");
            Assert.Equal("hint 2", await alice.AskAsync("wait-hint 0 2"));
        }

        await Machine.ShellAsync("kill -TERM $(cat /tmp/mpib/agent.lock)");
        await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, agent.ExitCode);
        Assert.Contains(why, await saying, StringComparison.Ordinal);
        await Machine.ShellAsync("rm -rf /tmp/mpib /home/alice/mpib");
    }

    [Fact]
    public async Task Where_the_service_owns_the_directory_a_user_is_told_what_to_run_instead()
    {
        await Machine.ShellAsync($"systemctl stop {Units}");

        var outcome = await Machine.RunAsUserAsync("alice", "/usr/sbin/mpib-agent");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("/tmp/mpib: belongs to mpib", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("sudo systemctl start mpib-agent", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_that_a_user_made_first_keeps_the_service_from_starting_with_one_clear_line()
    {
        await Machine.ShellAsync($"systemctl stop {Units}; rm -rf /tmp/mpib");
        await Machine.RunAsUserAsync("alice", "mkdir", "-m", "0777", "/tmp/mpib");

        var outcome = await Machine.RunAsync("/usr/sbin/mpib-agent");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("/tmp/mpib: belongs to uid", outcome.Output, StringComparison.Ordinal);
        await Machine.ShellAsync("rm -rf /tmp/mpib");
    }
}
