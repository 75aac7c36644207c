using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.Tests.Ctl;

/// <summary>The screens of mpibctl in a real pseudo-terminal.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(80, 24)]
    [InlineData(200, 50)]
    public async Task Top_fits_the_terminal_quits_on_q_and_leaves_it_as_it_was(int columns, int rows)
    {
        using var agent = AgentProcess.Start(_files, arguments: "--sout lo --sup no-such");
        using var plugin = Flows(40);
        using var terminal = Top(columns, rows);
        terminal.WaitFor("10.0.0.1 > 10.0.0.2");
        terminal.WaitFor("initial");
        terminal.WaitFor("sent         ");
        terminal.WaitFor("q quit  arrows move");

        var lines = terminal.Lines;
        Assert.StartsWith($"mpib-agent 0.1.0 serving, degraded, pid {agent.Pid}, up ", lines[0], StringComparison.Ordinal);
        Assert.Contains("SOUT    lo, up, interface", lines);
        Assert.Contains("SUP     no-such, down", lines);
        Assert.Equal("q quit  arrows move", lines.Last(line => line.Length > 0));
        Assert.Equal(columns >= 120, terminal.Text.Contains("PROCESSES", StringComparison.Ordinal));
        Assert.Contains("lines below, 0 above (arrows move)", terminal.Text, StringComparison.Ordinal);
        Assert.Contains("█████░░░░░", terminal.Text, StringComparison.Ordinal);

        terminal.Press("q");
        Assert.Equal(1, terminal.WaitForExit());
        Assert.Equal("", terminal.Faults);
        Assert.True(terminal.IsRestored);
        await agent.StopAsync();
    }

    [Fact]
    public async Task Top_follows_a_new_size_and_the_arrows()
    {
        using var agent = AgentProcess.Start(_files);
        using var plugin = Flows(40);
        using var terminal = Top(80, 24);
        terminal.WaitFor(" 0 above");
        terminal.Press("\e[B");
        terminal.WaitFor(" 1 above");
        terminal.Press("\e[A");
        terminal.WaitFor(" 0 above");

        // Beyond the end there is nothing to come back from, also where all keys come before the next drawing.
        terminal.Press(new string('j', 60) + "k");
        terminal.WaitFor("\n1 lines below");

        terminal.Resize(120, 50);
        terminal.WaitFor("10.0.0.1 > 10.0.0.41");
        Assert.DoesNotContain("above", terminal.Text, StringComparison.Ordinal);
        terminal.Resize(40, 12);
        terminal.WaitFor(" 0 above");
        terminal.Resize(20, 5);
        terminal.WaitFor("mpib-agent");
        terminal.Press("q");
        Assert.Equal(0, terminal.WaitForExit());
        Assert.True(terminal.IsRestored);
        await agent.StopAsync();
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("HUP")]
    public void A_signal_ends_top_and_leaves_the_terminal_as_it_was(string signal)
    {
        using var agent = AgentProcess.Start(_files);
        using var terminal = Top(80, 24);
        terminal.WaitFor("no slot is in use");
        if (signal == "INT")
        {
            terminal.Press("\x03");
        }
        else
        {
            terminal.Signal(signal);
        }

        terminal.WaitForExit();
        Assert.Equal("", terminal.Faults);
        Assert.True(terminal.IsRestored);
    }

    [Theory]
    [InlineData("top")]
    [InlineData("status --watch")]
    public void A_terminal_that_goes_away_ends_it_and_no_exception_does(string command)
    {
        using var agent = AgentProcess.Start(_files);

        // script(1) holds the terminal's other side; the shell under it outlives the hang-up and tells the exit code.
        var start = new ProcessStartInfo("script", ["-qc", $"trap : HUP; {Ctl.Program} {command} --agent {_files["status.json"]} 2>{_files["errors"]}; echo $? >{_files["code"]}", "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["TERM"] = "xterm-256color";
        start.Environment["SHELL"] = "/bin/sh";
        using var script = Process.Start(start)!;
        while (script.StandardOutput.ReadLine()?.Contains("no slot is in use", StringComparison.Ordinal) == false)
        {
        }

        script.Kill();
        Wait.Until(() => File.Exists(_files["code"]) && new FileInfo(_files["code"]).Length > 0);
        Assert.Equal(("1\n", "mpibctl: Input/output error\n"), (File.ReadAllText(_files["code"]), File.ReadAllText(_files["errors"])));
    }

    [Theory]
    [InlineData("q")]
    [InlineData("\x03")]
    public async Task Whoever_wants_top_to_end_does_not_wait_for_what_hangs(string key)
    {
        using var agent = StartWithHangingDevice();
        using var terminal = Top(80, 24);
        using var device = await HangAsync();
        terminal.Press(key);
        Assert.Equal(0, terminal.WaitForExit());
        Assert.Equal("", terminal.Faults);
        Assert.True(terminal.IsRestored);
    }

    [Fact]
    public async Task Nor_does_a_signal_where_there_is_no_terminal()
    {
        using var agent = StartWithHangingDevice();
        using var top = Process.Start(new ProcessStartInfo(Ctl.Program, ["top", "--agent", _files["status.json"]]) { RedirectStandardOutput = true })!;
        using var device = await HangAsync();
        using (var kill = Process.Start("kill", ["-INT", top.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            kill.WaitForExit();
        }

        Assert.True(top.WaitForExit(TimeSpan.FromSeconds(30)));
        Assert.Equal(("", 0), (top.StandardOutput.ReadToEnd(), top.ExitCode));
    }

    [Fact]
    public async Task Ctrl_Z_gives_the_terminal_back_until_it_goes_on()
    {
        using var agent = AgentProcess.Start(_files);
        using var terminal = Top(80, 24);
        terminal.WaitFor("no slot is in use");
        terminal.Press("\x1a");
        Wait.Until(() => terminal.IsStopped);
        Wait.Until(() => terminal.IsPlain);

        terminal.Signal("CONT");
        Wait.Until(() => !terminal.IsPlain);
        terminal.WaitFor("no slot is in use");
        terminal.Press("q");
        Assert.Equal(0, terminal.WaitForExit());
        Assert.True(terminal.IsRestored);
        await agent.StopAsync();
    }

    [Fact]
    public async Task On_a_serial_line_that_knows_no_size_it_takes_80_columns_and_24_rows()
    {
        using var agent = AgentProcess.Start(_files);
        using var terminal = new PseudoTerminal(80, 24, $"sh -c 'stty cols 0 rows 0; exec {Ctl.Program} top --agent {_files["status.json"]}'");
        terminal.WaitFor("encoding multiplier, initial hint 1 (50.0% on SUP)");
        terminal.WaitFor("q quit  arrows move");
        terminal.Press("q");
        Assert.Equal(0, terminal.WaitForExit());
        await agent.StopAsync();
    }

    [Fact]
    public async Task A_line_that_is_longer_than_the_terminal_can_be_copied()
    {
        using var agent = AgentProcess.Start(_files, arguments: "--sout lo --sup no-such-nic");
        using var terminal = new PseudoTerminal(40, 24, $"{Ctl.Program} status --agent {_files["status.json"]}");
        Assert.Equal(1, terminal.WaitForExit());
        Assert.Contains("! SUP rail no-such-nic: there is no such device; mend [Rails], or load its driver", System.Text.RegularExpressions.Regex.Replace(terminal.Sent, @"\e\[[0-9;]*m", ""),
            StringComparison.Ordinal);
        await agent.StopAsync();
    }

    [Theory]
    [InlineData(80, 24)]
    [InlineData(200, 50)]
    public async Task Status_fits_the_terminal(int columns, int rows)
    {
        using var agent = AgentProcess.Start(_files, arguments: "--sout lo --sup lo");
        using var plugin = Flows(5);
        using var terminal = new PseudoTerminal(columns, rows, $"{Ctl.Program} status --agent {_files["status.json"]}");
        Assert.Equal(0, terminal.WaitForExit());
        Assert.Equal("", terminal.Faults);
        Assert.True(terminal.IsRestored);
        Assert.Contains("\e[", terminal.Sent, StringComparison.Ordinal);
        var row = terminal.Lines.Single(line => line.StartsWith("   0  10.0.0.1 > 10.0.0.2 ", StringComparison.Ordinal));
        Assert.Contains("█████░░░░░  initial", row, StringComparison.Ordinal);
        Assert.Equal(columns == 200, row.EndsWith(string.Create(CultureInfo.InvariantCulture, $"{plugin.Pid} {Environment.UserName} plugin"), StringComparison.Ordinal));
        Assert.Contains($"{plugin.Pid} {Environment.UserName} plugin", terminal.Text, StringComparison.Ordinal);
        await agent.StopAsync();
    }

    [Fact]
    public async Task Status_that_watches_shows_what_changes()
    {
        using var agent = AgentProcess.Start(_files);
        using var terminal = new PseudoTerminal(80, 24, $"{Ctl.Program} status --watch --agent {_files["status.json"]}");
        terminal.WaitFor("no slot is in use");
        using var plugin = Flows(1);
        terminal.WaitFor("10.0.0.1 > 10.0.0.2");
        await agent.StopAsync();
        terminal.WaitFor("not running");
        terminal.Press("q");
        Assert.Equal(3, terminal.WaitForExit());
        Assert.True(terminal.IsRestored);
    }

    [Fact]
    public void Without_colours_without_unicode_and_on_a_dumb_terminal_the_text_is_plain()
    {
        using var agent = AgentProcess.Start(_files);
        using var plugin = Flows(1);
        Wait.Until(() => Ctl.Run(_files, "status").Output.Contains("initial ", StringComparison.Ordinal));
        using (var dumb = new PseudoTerminal(80, 24, $"{Ctl.Program} top -n 1 --agent {_files["status.json"]}", term: "dumb", locale: "C"))
        {
            Assert.Equal(0, dumb.WaitForExit());
            Assert.Contains("50.0%  #####.....", dumb.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("\e[", dumb.Sent, StringComparison.Ordinal);
        }

        using var colourless = new PseudoTerminal(80, 24, $"env NO_COLOR=1 {Ctl.Program} status --agent {_files["status.json"]}");
        Assert.Equal(0, colourless.WaitForExit());
        Assert.DoesNotMatch(@"\e\[[0-9;]*3[0-9]", colourless.Sent);
    }

    [Fact]
    public void Without_a_terminal_top_prints_blocks_and_ends_with_its_reader()
    {
        using var agent = AgentProcess.Start(_files);
        var (code, output, _) = Ctl.Run(_files, "top", "-n", "2", "-i", "0.1");
        Assert.Equal((0, 2), (code, output.Split("mpib-agent 0.1.0 serving").Length - 1));
        Assert.DoesNotContain('\e', output);
        using var head = System.Diagnostics.Process.Start("sh", ["-c", $"{Ctl.Program} top -i 0.1 --agent {_files["status.json"]} | head -n 1 >/dev/null"]);
        Assert.True(head.WaitForExit(TimeSpan.FromSeconds(30)));
        Assert.Equal(2, Ctl.Run(_files, "top", "-i", "0").Code);
    }

    /// <summary>A rail whose state is in a FIFO.</summary>
    private AgentProcess StartWithHangingDevice()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(HangingFile)!);
        using (var mkfifo = Process.Start("mkfifo", [HangingFile]))
        {
            mkfifo.WaitForExit();
        }

        return AgentProcess.Start(_files, arguments: $"--sout eth9 --sys-root {_files["sys"]}");
    }

    private string HangingFile => _files["sys/class/net/eth9/operstate"];

    /// <summary>Comes back once somebody reads there, who then waits for bytes as long as what this returns is open.</summary>
    private Task<FileStream> HangAsync() => Task.Run(() => new FileStream(HangingFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

    private PseudoTerminal Top(int columns, int rows) => new(columns, rows, $"{Ctl.Program} top --agent {_files["status.json"]} -i 0.5");

    private PluginProcess Flows(int count)
    {
        var plugin = PluginProcess.Start(_files["agent.sock"], _files["hints"]);
        for (var i = 0; i < count; i++)
        {
            Assert.StartsWith("ok ", plugin.Do(string.Create(CultureInfo.InvariantCulture, $"register {i} 10.0.0.1 10.0.0.{2 + i}")), StringComparison.Ordinal);
        }

        return plugin;
    }
}
