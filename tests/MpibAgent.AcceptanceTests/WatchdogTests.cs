namespace MpibAgent.AcceptanceTests;

public sealed class WatchdogTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task A_stopped_process_is_replaced_and_the_region_stays()
    {
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");
        await DropInAsync("WatchdogSec=1s");
        await SystemctlAsync("restart", "mpib-agent");
        var pid = await MainPidAsync();

        await Machine.ShellAsync($"kill -STOP {pid}");

        await Wait.UntilAsync(async () => await PropertyAsync("NRestarts") == "1" && await PropertyAsync("ActiveState") == "active");
        Assert.NotEqual(pid, await MainPidAsync());
        Assert.Equal(inode, await InodeAsync());
        await Machine.ShellAsync("echo 0 6 >/run/mpib/control");
        Assert.Equal("hint 6", await alice.AskAsync("wait-hint 0 6"));
    }

    [Fact]
    public async Task A_serving_process_lives_on()
    {
        await DropInAsync("WatchdogSec=1s");
        await SystemctlAsync("restart", "mpib-agent");
        var pid = await MainPidAsync();

        // At two a period, so over more than two periods.
        var pings = new HashSet<string>();
        await Wait.UntilAsync(async () => pings.Add(await PropertyAsync("WatchdogTimestampMonotonic")) && pings.Count > 5);

        Assert.Equal(pid, await MainPidAsync());
        Assert.Equal("0", await PropertyAsync("NRestarts"));
    }
}
