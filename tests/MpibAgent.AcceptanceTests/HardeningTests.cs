namespace MpibAgent.AcceptanceTests;

public sealed class HardeningTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    // What is left of it: the network is not private (the counters of the NICs), users are real, Unix sockets.
    private const double Exposure = 0.8;

    [Fact]
    public async Task The_exposure_is_no_worse_than_documented() => Assert.InRange(await ExposureAsync("mpib-agent.service"), 0, Exposure);

    [Fact]
    public async Task The_running_process_has_no_privilege_left()
    {
        var status = await Machine.ShellAsync($"grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd|Groups):' /proc/{await MainPidAsync()}/status");

        var group = await Machine.ShellAsync("id -g mpib");
        Assert.Equal($"Groups:\t{group} \nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2", status);
    }

    [Fact]
    public async Task It_sees_the_counters_of_the_nics_and_no_more_of_tmp_than_its_own()
    {
        await Machine.ShellAsync("touch /tmp/private-to-others");
        var inside = $"nsenter --target={await MainPidAsync()} --mount --net --";
        var asAgent = $"{inside} setpriv --reuid=mpib --regid=mpib --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs";

        Assert.Equal("mpib", await Machine.ShellAsync($"{inside} ls /tmp"));
        Assert.Matches("^[0-9]+\n(up|unknown)\n1$", await Machine.ShellAsync($"cd /; {asAgent} cat /sys/class/net/lo/statistics/tx_bytes "
            + "/sys/class/net/lo/operstate /sys/class/net/lo/carrier"));
    }
}
