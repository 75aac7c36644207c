namespace MpibAgent.AcceptanceTests;

public sealed class JournalTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    [Fact]
    public async Task The_filter_by_slot_shows_one_slots_life()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        await alice.AskAsync("register 70000 10.0.0.1 10.0.0.2");
        await bob.AskAsync("register 70000 10.0.0.1 10.0.0.3");
        await Machine.ShellAsync("echo '0 2' >/run/mpib/control; echo '1 3' >/run/mpib/control");
        await bob.AskAsync("wait-hint 1 3");
        await alice.AskAsync("deregister 70000");

        var life = await journal.EntriesAsync(5, "MPIB_SLOT=0");

        Assert.Equal(["deregistered", "hint-set", "registered", "slot-freed", "slot-given"],
            life.Select(entry => entry["MPIB_EVENT"]).Order());
        var registered = life.Single(entry => entry["MPIB_EVENT"] == "registered");
        Assert.Equal("70000", registered["MPIB_CONN_ID"]);
        Assert.Equal("10.0.0.1", registered["MPIB_SRC"]);
        Assert.Equal("10.0.0.2", registered["MPIB_DST"]);
        Assert.Equal($"{await alice.PidAsync()}", registered["MPIB_PID"]);
        Assert.Equal(await Machine.ShellAsync("id -u alice"), registered["MPIB_UID"]);
        Assert.Equal("6", registered["PRIORITY"]);
        Assert.Equal("2", life.Single(entry => entry["MPIB_EVENT"] == "hint-set")["MPIB_HINT"]);
    }

    [Fact]
    public async Task An_event_has_a_message_id_of_its_own()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await using var alice = Client("alice");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        await alice.AskAsync("register 2 10.0.0.1 10.0.0.2");

        var ids = (await journal.EntriesAsync(2, "MPIB_EVENT=registered")).Select(entry => entry["MESSAGE_ID"]).ToArray();
        var given = Assert.Single(await journal.EntriesAsync(1, "MPIB_EVENT=slot-given"))["MESSAGE_ID"];

        Assert.Matches("^[0-9a-f]{32}$", ids[0]);
        Assert.Equal(ids[0], ids[1]);
        Assert.NotEqual(ids[0], given);
        Assert.Equal(2, (await journal.EntriesAsync(2, $"MESSAGE_ID={ids[0]}")).Count);
    }

    [Fact]
    public async Task The_filter_by_user_shows_that_users_connections()
    {
        var journal = await Journal.FromNowAsync(Machine);
        await using var alice = Client("alice");
        await using var bob = Client("bob");
        await alice.AskAsync("register 1 10.0.0.1 10.0.0.2");
        await bob.AskAsync("register 2 10.0.0.1 10.0.0.2");

        var bobs = await journal.EntriesAsync(1, $"MPIB_UID={await Machine.ShellAsync("id -u bob")}");

        Assert.Equal("2", Assert.Single(bobs)["MPIB_CONN_ID"]);
    }

    [Fact]
    public async Task A_start_says_what_the_agent_owns()
    {
        var journal = await Journal.FromNowAsync(Machine);

        await SystemctlAsync("restart", "mpib-agent");

        foreach (var what in new[] { "region-ready", "registration-inherited", "control-inherited", "ready" })
        {
            await journal.EntriesAsync(1, $"MPIB_EVENT={what}");
        }
    }

    /// <summary>systemd gives it /dev/null in place of the journal then.</summary>
    [Fact]
    public async Task An_agent_that_was_started_without_journald_logs_once_that_is_back()
    {
        var journal = await Journal.FromNowAsync(Machine);
        const string Journald = "systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket";

        await Machine.ShellAsync($"systemctl stop {Journald} && systemctl restart mpib-agent");
        Assert.Equal("/dev/null", await Machine.ShellAsync($"readlink /proc/{await MainPidAsync()}/fd/2"));
        await Machine.ShellAsync($"systemctl start {Journald} && echo bad > /run/mpib/control");

        await journal.EntriesAsync(1, "MPIB_EVENT=command-refused");
    }
}
