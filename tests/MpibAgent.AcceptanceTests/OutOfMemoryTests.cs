using System.Globalization;

namespace MpibAgent.AcceptanceTests;

public sealed class OutOfMemoryTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string Kills = "/run/oom-kills";
    private const int Batch = 64;
    private const int MostBatches = 1000;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Prerequisites.Require(await Machine.LimitsMemoryAsync() ? null : "systemd in the container has no memory controller");

        // The kernel counts its kills per control group, and the service's one ends with it: the last to run in it takes a note.
        await DropInAsync("ExecStopPost=+sh -c \"grep -hs ^oom_kill.[1-9] "
            + "/sys/fs/cgroup/memory/system.slice/mpib-agent.service/memory.oom_control "
            + $"/sys/fs/cgroup/system.slice/mpib-agent.service/memory.events >>{Kills} || :\"");
        await Machine.ShellAsync($"rm -f {Kills}; systemctl restart mpib-agent");
    }

    public override async ValueTask DisposeAsync()
    {
        await Machine.ShellAsync("rm -rf /run/systemd/system.control/mpib-agent.service.d; systemctl daemon-reload");
        await base.DisposeAsync();
    }

    [Fact]
    public async Task After_a_kill_for_want_of_memory_all_that_was_answered_is_there()
    {
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        var inode = await alice.AskAsync("inode");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", await alice.AskAsync("register 2 10.0.0.1 10.0.0.3"));
        await Machine.ShellAsync("echo 1 7 >/run/mpib/control; echo 200 8 >/run/mpib/control");
        await alice.AskAsync("wait-hint 200 8");

        await LimitMemoryAsync("$(($(systemctl show --value --property=MemoryCurrent mpib-agent) + 1048576))");
        var batches = await RegisterUntilKilledAsync(bob);
        await Wait.UntilAsync(async () => (await Machine.RunAsync("grep", "-q", "^oom_kill ", Kills)).ExitCode == 0);
        await LimitMemoryAsync("infinity");

        await StateAsync("active");
        Assert.NotEqual("0", await PropertyAsync("NRestarts"));

        // Of the batch that was cut off, some may be there.
        Assert.InRange(await ConnectionsAsync(), 2 + (Batch * batches), 2 + (Batch * (batches + 1)));
        for (var i = 0; i <= batches; i++)
        {
            Assert.Equal($"ok {Batch} 2", await bob.AskAsync(BatchOf(i)));
        }

        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 1", await alice.AskAsync("register 2 10.0.0.1 10.0.0.3"));
        await Wait.UntilAsync(ConnectionsAsync, connections => connections == 2 + (Batch * (batches + 1)));
        Assert.Equal("entry 7 10.0.0.1 10.0.0.3", await alice.AskAsync("entry 1"));
        Assert.Equal("hint 8", await alice.AskAsync("hint 200"));
        Assert.Equal(inode, await InodeAsync());
    }

    private async Task<int> ConnectionsAsync() =>
        int.Parse((await PropertyAsync("StatusText")).Split(' ')[^2], CultureInfo.InvariantCulture);

    private Task<string> LimitMemoryAsync(string limit) =>
        Machine.ShellAsync($"systemctl set-property --runtime mpib-agent MemoryMax={limit}");

    /// <summary>How many batches were answered.</summary>
    private static async Task<int> RegisterUntilKilledAsync(Plugin client)
    {
        var answered = 0;
        for (var asked = 0; asked < MostBatches; asked++)
        {
            var answer = await client.AskAsync(BatchOf(answered));
            if (answer.StartsWith("error", StringComparison.Ordinal))
            {
                return answered;
            }

            // Short of memory, it may also refuse.
            answered += answer.StartsWith("ok", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.Fail($"the agent takes {answered} batches of {Batch} registrations in little memory");
        return 0;
    }

    private static string BatchOf(int number) => $"pipeline {Batch} {number * Batch} 10.0.0.1 10.0.0.4";
}
