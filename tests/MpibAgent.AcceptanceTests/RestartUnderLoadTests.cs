namespace MpibAgent.AcceptanceTests;

public sealed class RestartUnderLoadTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const int Times = 10;

    [Fact]
    public async Task Over_restarts_no_registration_fails_and_no_command_is_lost()
    {
        await using var load = new Load(this);
        await using var reader = Client("alice");
        var inode = await reader.AskAsync("inode");

        await load.RunWhileAsync(CommandWhileAsync(RestartAsync(load), reader));

        await load.VerifyAsync();
        Assert.Equal(inode, await InodeAsync());
    }

    [Fact]
    public async Task Over_kills_all_that_was_answered_stays()
    {
        await using var load = new Load(this, cutsAllowed: Times);
        await using var reader = Client("alice");
        var inode = await reader.AskAsync("inode");
        await Machine.ShellAsync("echo 200 7 >/run/mpib/control");

        await load.RunWhileAsync(KillAsync(load, reader));

        Assert.Equal($"{Times}", await PropertyAsync("NRestarts"));
        Assert.Equal("hint 7", await reader.AskAsync("hint 200"));
        await load.VerifyAsync();
        Assert.Equal(inode, await InodeAsync());
    }

    private async Task RestartAsync(Load load)
    {
        for (var i = 0; i < Times; i++)
        {
            await load.GoOnAsync();
            await Machine.ShellAsync("systemctl restart mpib-agent");
        }
    }

    /// <summary>Commands for one slot after the other. Each is looked for before its slot's next one, the last ones at the end.</summary>
    private async Task CommandWhileAsync(Task restarts, Plugin reader)
    {
        var hints = new Dictionary<int, int>();
        for (var i = 0; !restarts.IsCompleted; i++)
        {
            var (slot, hint) = (Load.FirstUnusedSlot + (i % (256 - Load.FirstUnusedSlot)), 1000 + i);
            if (hints.TryGetValue(slot, out var before))
            {
                Assert.Equal($"hint {before}", await reader.AskAsync($"wait-hint {slot} {before}"));
            }

            await Machine.ShellAsync($"echo {slot} {hint} >/run/mpib/control");
            hints[slot] = hint;
        }

        await restarts;
        foreach (var (slot, hint) in hints)
        {
            Assert.Equal($"hint {hint}", await reader.AskAsync($"wait-hint {slot} {hint}"));
        }
    }

    private async Task KillAsync(Load load, Plugin reader)
    {
        for (var i = 0; i < Times; i++)
        {
            await load.GoOnAsync();
            var pid = await MainPidAsync();
            var (slot, hint) = (Load.FirstUnusedSlot + i, 1000 + i);

            // A command when there is no agent.
            await Machine.ShellAsync($"kill -KILL {pid}; while [ -e /proc/{pid} ]; do :; done; echo {slot} {hint} >/run/mpib/control");

            await Wait.UntilAsync(() => reader.AskAsync($"hint {slot}"), seen => seen == $"hint {hint}");
            await Wait.UntilAsync(MainPidAsync, now => now != pid && now != 0);
        }
    }
}
