namespace MpibAgent.AcceptanceTests;

public sealed class ControlTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    private const string Fifo = "/run/mpib/control";

    [Theory]
    [InlineData("root")]
    [InlineData("oscar")]
    public async Task Root_and_a_member_of_the_group_command(string user)
    {
        await using var alice = Client("alice");
        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));

        Assert.Equal("", (await Machine.RunAsUserAsync(user, "sh", "-c", $"echo '0 2' >{Fifo}")).Text);

        Assert.Equal("hint 2", await alice.AskAsync("wait-hint 0 2"));
        Assert.Equal("hint 1", await alice.AskAsync("hint 1"));
    }

    [Theory]
    [InlineData($"echo '0 3' >{Fifo}")]
    [InlineData($"cat {Fifo}")]
    public async Task Others_are_refused(string attempt)
    {
        await using var alice = Client("alice");

        var outcome = await Machine.RunAsUserAsync("alice", "sh", "-c", attempt);

        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("Permission denied", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal("hint 1", await alice.AskAsync("hint 0"));
    }

    [Fact]
    public async Task A_line_in_pieces_is_one_and_the_last_one_needs_no_newline()
    {
        await using var alice = Client("alice");

        await Machine.ShellAsync($"(printf '0 1'; sleep 0.3; printf '23\n1 7') >{Fifo}");

        Assert.Equal("hint 7", await alice.AskAsync("wait-hint 1 7"));
        Assert.Equal("hint 123", await alice.AskAsync("hint 0"));
    }

    [Fact]
    public async Task A_member_of_the_group_cannot_read_what_others_command()
    {
        var outcome = await Machine.RunAsUserAsync("oscar", "cat", Fifo);

        Assert.Contains("Permission denied", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_for_all_slots_holds_for_a_slot_given_later()
    {
        await using var alice = Client("alice");

        await Machine.ShellAsync($"echo all 5 >{Fifo}");
        Assert.Equal("hint 5", await alice.AskAsync("wait-hint 255 5"));

        Assert.Equal("ok 0", await alice.AskAsync("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("hint 5", await alice.AskAsync("hint 0"));
    }

    [Fact]
    public async Task What_is_malformed_changes_nothing_and_is_told_in_the_journal()
    {
        await using var alice = Client("alice");
        var journal = await Journal.FromNowAsync(Machine);

        await Machine.ShellAsync($"printf '0 nonsense\\n256 1\\n0 4\\n' >{Fifo}");

        Assert.Equal("hint 4", await alice.AskAsync("wait-hint 0 4"));
        var refused = await journal.EntriesAsync(2, "MPIB_EVENT=command-refused");
        Assert.Equal(2, refused.Count);
        Assert.Contains("0 nonsense", refused[0]["MESSAGE"], StringComparison.Ordinal);
        Assert.Contains("256 1", refused[1]["MESSAGE"], StringComparison.Ordinal);
    }
}
