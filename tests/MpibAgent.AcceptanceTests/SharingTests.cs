using System.Globalization;

namespace MpibAgent.AcceptanceTests;

/// <summary>More flows than slots, with [Limits] Overflow = share.</summary>
public sealed class SharingTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const int Flows = 300;
    private const int OwnSlots = 240;
    private const int SharedSlot = 255;

    [Fact]
    public async Task Three_hundred_flows_are_answered_over_restarts_in_the_middle_and_without_the_setting_they_stay()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await OverflowAsync("share");
        await using var alice = Client("alice");
        var inode = await alice.AskAsync("inode");
        for (var i = 0; i < Flows; i++)
        {
            if (i == 150)
            {
                await Machine.ShellAsync("systemctl restart mpib-agent");
            }
            else if (i == 280)
            {
                // What was logged in the last 20 ms goes with a process that is killed.
                await journal.EntriesAsync(1, "MPIB_EVENT=slot-shared");
                await Machine.ShellAsync("systemctl kill --signal=KILL mpib-agent");
            }

            Assert.Equal(SlotOf(i), await RegisterAsync(alice, i));
        }

        await StatusTextAsync("policy manual, 300 flows, 300 connections");
        Assert.Equal("entry 1 255.255.255.255 255.255.255.255", await alice.AskAsync($"entry {SharedSlot}"));
        Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=slot-shared"));
        await Wait.UntilAsync(() => Machine.ShellAsync("mpibctl status"), seen => seen.Contains("60 flows share it", StringComparison.Ordinal));

        // Another user has slots left, and a hint for all that share is one.
        await using var bob = Client("bob");
        Assert.Equal("ok 240", await bob.AskAsync("register 1 10.0.0.1 10.9.0.1"));
        Assert.Equal("ok", await bob.AskAsync("deregister 1"));
        await Machine.ShellAsync($"mpibctl set {SharedSlot} 3");
        Assert.Equal("hint 3", await alice.AskAsync($"hint {SharedSlot}"));

        await OverflowAsync("refuse");
        Assert.Equal("policy manual, 300 flows, 300 connections", await PropertyAsync("StatusText"));
        for (var i = 0; i < Flows; i++)
        {
            Assert.Equal(SlotOf(i), await RegisterAsync(alice, i));
        }

        Assert.Equal("status 1", await RegisterAsync(alice, Flows));
        Assert.Equal(inode, await alice.AskAsync("inode"));
        Assert.Equal($"entry 3 255.255.255.255 255.255.255.255", await alice.AskAsync($"entry {SharedSlot}"));
        for (var i = OwnSlots; i < Flows; i++)
        {
            Assert.Equal("ok", await alice.AskAsync($"deregister {i}"));
        }

        await StatusTextAsync("policy manual, 240 flows, 240 connections");
        Assert.Equal("entry 1 0.0.0.0 0.0.0.0", await alice.AskAsync($"entry {SharedSlot}"));
    }

    private static string SlotOf(int number) => string.Create(CultureInfo.InvariantCulture, $"ok {(number < OwnSlots ? number : SharedSlot)}");

    private static Task<string> RegisterAsync(Plugin plugin, int number) =>
        plugin.AskAsync(string.Create(CultureInfo.InvariantCulture, $"register {number} 10.0.0.1 10.1.{number / 250}.{1 + (number % 250)}"));

    private async Task OverflowAsync(string what)
    {
        await DropInAsync($"Environment=MPIB_AGENT_LIMITS_OVERFLOW={what}");
        await SystemctlAsync("restart", "mpib-agent");
        await StateAsync("active");
    }
}
