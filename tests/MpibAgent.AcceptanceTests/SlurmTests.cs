namespace MpibAgent.AcceptanceTests;

/// <summary>deploy/slurm on the running service; scontrol is played.</summary>
public sealed class SlurmTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string Scripts = $"{SystemdMachine.Source}/deploy/slurm";
    private const string Prolog = $"env SLURMD_NODENAME=gpu7 PATH=/opt/slurm:/usr/bin {Scripts}/prolog.sh";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Machine.ShellAsync("""
            mkdir -p /opt/slurm
            printf '#!/bin/sh\necho "$@" >/opt/slurm/said\n' >/opt/slurm/scontrol
            chmod +x /opt/slurm/scontrol
            rm -f /opt/slurm/said /opt/slurm/systemctl
            """);
    }

    [Fact]
    public async Task Where_the_agent_serves_a_job_starts()
    {
        Assert.Equal("", await Machine.ShellAsync(Prolog));
        Assert.False(File.Exists(Machine.Outside("/opt/slurm/said")));
    }

    [Theory]
    [InlineData($"systemctl stop {Units}", "the service is inactive; journalctl")]
    [InlineData("printf '#!/bin/sh\\nexec sleep 90\\n' >/opt/slurm/systemctl; chmod +x /opt/slurm/systemctl", "the service is unknown: systemd does not answer; journalctl")]
    [InlineData("rm /tmp/mpib/agent.sock", "no socket at /tmp/mpib/agent.sock; systemctl")]
    [InlineData("rm /tmp/mpib/hints", "no region at /tmp/mpib/hints; systemctl")]
    [InlineData("mv /tmp/mpib/hints /tmp/mpib/old; head -c 4112 /dev/zero >/tmp/mpib/hints", "the file at /tmp/mpib/hints is no hint region; systemctl")]
    public async Task Where_it_does_not_the_node_is_drained_with_the_reason(string fault, string reason)
    {
        await Machine.ShellAsync(fault);

        var outcome = await Machine.RunAsync("sh", "-c", Prolog);

        Assert.Equal(1, outcome.ExitCode);
        Assert.StartsWith($"update nodename=gpu7 state=drain reason=mpib-agent: {reason}", await Machine.ShellAsync("cat /opt/slurm/said"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_job_processes_that_still_hold_slots_are_reported()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await using var alice = Client("alice");
        await using var tidy = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 0", await tidy.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", await tidy.AskAsync("register 1 10.0.0.1 10.0.0.3"));
        Assert.Equal("ok", await tidy.AskAsync("deregister 1"));

        // Another job of hers goes on, in the cgroup that Slurm has made for it.
        await using var other = Client("alice");
        Assert.Equal("ok 0", await other.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        await Machine.ShellAsync($"""
            echo 0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0 >/opt/slurm/job_42
            echo 0::/system.slice/slurmstepd.scope/job_421/step_0/user/task_0 >/opt/slurm/job_421
            mount --bind /opt/slurm/job_42 /proc/{await alice.PidAsync()}/cgroup
            mount --bind /opt/slurm/job_421 /proc/{await other.PidAsync()}/cgroup
            """);
        var epilog = $"SLURM_JOB_ID=42 SLURM_JOB_UID=$(id -u alice) {Scripts}/epilog.sh";

        // The agent's log comes to the journal a moment later than the answers.
        _ = await journal.EntriesAsync(1, "MPIB_EVENT=registered", $"MPIB_PID={await other.PidAsync()}");
        await Machine.ShellAsync(epilog);

        var said = await Wait.UntilAsync(() => Machine.ShellAsync("journalctl --identifier=mpib-epilog --output=cat --quiet"), text => text.Length > 0,
            "the epilog has reported");
        Assert.Single(said.Split('\n'));
        Assert.StartsWith($"job 42 is over, and pid {await alice.PidAsync()} (plugin) of uid", said, StringComparison.Ordinal);
    }
}
