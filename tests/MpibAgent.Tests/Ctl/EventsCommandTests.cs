using System.Diagnostics;
using System.Text;
using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class EventsCommandTests
{
    [Theory]
    [InlineData("{\"__REALTIME_TIMESTAMP\":\"1700000000123456\",\"MPIB_EVENT\":\"hint-set\",\"MESSAGE\":\"slot 0: hint 2\"}", "hint-set            slot 0: hint 2")]
    [InlineData("{\"MPIB_EVENT\":\"bad-request\",\"MESSAGE\":[104,105,27,91,50,74]}", "bad-request         hi\\x1b[2J")]
    [InlineData("{\"MPIB_EVENT\":[\"one\",\"two\"],\"MESSAGE\":\"a\\nb\\u001b[2J\"}", "one                 a\\x0ab\\x1b[2J")]
    [InlineData("{}", "?  -                   ")]
    [InlineData("nonsense", "an entry that is no JSON")]
    [InlineData("[1]", "?  -")]
    [InlineData("{\"MESSAGE\":{\"x\":1},\"__REALTIME_TIMESTAMP\":\"99999999999999999999999\"}", "?  -")]
    public void An_entry_is_one_line_without_control_characters(string entry, string expected)
    {
        var line = EventsCommand.Describe(Encoding.UTF8.GetBytes(entry)).ToString();
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.DoesNotContain(line, char.IsControl);
    }

    [Fact]
    public void The_journal_is_asked_for_fields_and_told_entry_by_entry()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["journalctl"], $$"""
            #!/bin/sh
            echo "$@" >{{files["asked"]}}
            echo '{"MPIB_EVENT":"hint-set","MESSAGE":"one"}'
            echo '{"MPIB_EVENT":"slot-freed","MESSAGE":"'"$(head -c 20000 /dev/zero | tr '\0' x)"'"}'
            printf '{"MPIB_EVENT":"registered","MESSAGE":"last"}\n'
            """);
        File.SetUnixFileMode(files["journalctl"], (UnixFileMode)0x1ED);

        var (code, output, _) = Ctl.RunWith(("PATH", $"{files.Path}:/usr/bin:/bin"), "events", "-n", "3", "--slot", "7", "--event", "hint-set", "--warnings");

        Assert.Equal(0, code);
        Assert.Equal(3, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("registered          last\n", output, StringComparison.Ordinal);
        Assert.Equal("--output=json --no-pager --all --unit=mpib-agent.service --lines=3 --priority=warning MPIB_SLOT=7 MPIB_EVENT=hint-set\n", File.ReadAllText(files["asked"]));
    }

    [Fact]
    public void Of_one_slot_what_was_done_to_all_is_told_too()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["journalctl"], $"#!/bin/sh\necho \"$@\" >{files["asked"]}\n");
        File.SetUnixFileMode(files["journalctl"], (UnixFileMode)0x1ED);

        Ctl.RunWith(("PATH", $"{files.Path}:/usr/bin:/bin"), "events", "--slot", "7");

        Assert.EndsWith(" MPIB_SLOT=7 + MPIB_EVENT=all-hints-set MPIB_EVENT=all-unpinned MPIB_EVENT=split-moved MPIB_EVENT=policy-in-charge\n",
            File.ReadAllText(files["asked"]), StringComparison.Ordinal);

        Ctl.RunWith(("PATH", $"{files.Path}:/usr/bin:/bin"), "events", "--slot", "7", "--event", "all-hints-set");

        Assert.EndsWith("--lines=20 MPIB_EVENT=all-hints-set\n", File.ReadAllText(files["asked"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", "")]
    [InlineData("1", "mpibctl: the journal has no such entries, or you may not read it (sudo, or group systemd-journal)\n")]
    public void Where_entries_were_asked_for_and_there_are_none_it_says_so(string lines, string expected)
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["journalctl"], "#!/bin/sh\n");
        File.SetUnixFileMode(files["journalctl"], (UnixFileMode)0x1ED);

        Assert.Equal((0, "", expected), Ctl.RunWith(("PATH", $"{files.Path}:/usr/bin:/bin"), "events", "-n", lines));
    }

    [Fact]
    public void Following_ends_with_who_reads_it_and_not_with_the_next_entry()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["journalctl"], """
            #!/bin/sh
            echo '{"MPIB_EVENT":"hint-set","MESSAGE":"one"}'
            exec sleep 90
            """);
        File.SetUnixFileMode(files["journalctl"], (UnixFileMode)0x1ED);
        using var pipe = Process.Start(new ProcessStartInfo("sh", ["-c", $"PATH={files.Path}:$PATH; {Ctl.Program} events -f | head -n 1"]))!;
        Assert.True(pipe.WaitForExit(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void An_interrupt_that_reaches_it_alone_ends_it_and_the_journal_too()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["journalctl"], $$"""
            #!/bin/sh
            echo $$ >{{files["pid.new"]}}
            mv {{files["pid.new"]}} {{files["pid"]}}
            exec sleep 90
            """);
        File.SetUnixFileMode(files["journalctl"], (UnixFileMode)0x1ED);
        using var events = Process.Start(new ProcessStartInfo("sh", ["-c", $"PATH={files.Path}:$PATH exec {Ctl.Program} events -f"]))!;
        Wait.Until(() => File.Exists(files["pid"]));
        Process.Start("kill", ["-INT", events.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]).WaitForExit();

        Assert.True(events.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, events.ExitCode);
        Wait.Until(() => !Directory.Exists($"/proc/{File.ReadAllText(files["pid"]).Trim()}"));
    }

    [Fact]
    public void Without_a_journal_it_says_so()
    {
        var (code, _, errors) = Ctl.RunWith(("PATH", "/nowhere"), "events");
        Assert.Equal(1, code);
        Assert.Contains("there is no journalctl here", errors, StringComparison.Ordinal);
    }
}
