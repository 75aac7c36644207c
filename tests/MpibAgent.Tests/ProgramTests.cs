using System.Text.RegularExpressions;

namespace MpibAgent.Tests;

/// <summary>How the program starts and ends: exit codes and the lines that go with them.</summary>
public sealed class ProgramTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("HUP")]
    [InlineData("HUP", "NOTIFY_SOCKET=")]
    [InlineData("HUP", "NOTIFY_SOCKET=x")]
    [InlineData("HUP", "NOTIFY_SOCKET=$(printf %0108d 0)")]
    public async Task A_signal_stops_it_with_exit_code_0(string signal, string environment = "")
    {
        using var agent = AgentProcess.Start(_files, $"export {environment};", "--manual");
        await agent.StopAsync(signal);
        Assert.Contains("stopping", agent.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("fatal", agent.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(_files["agent.sock"]));
    }

    [Fact]
    public async Task It_says_what_it_owns()
    {
        using var agent = AgentProcess.Start(_files);
        foreach (var part in new[] { _files["hints"], _files["agent.sock"], _files["control"], "initial hint 1", "encoding multiplier", "policy manual" })
        {
            Assert.Contains(part, agent.Output, StringComparison.Ordinal);
        }

        await agent.StopAsync();
    }

    [Theory]
    [InlineData("--help", "--initial-hint <HINT>")]
    [InlineData("--version", "mpib-agent 0.")]
    public async Task It_answers_and_exits_with_0(string option, string expected)
    {
        using var agent = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(AppContext.BaseDirectory + "mpib-agent", [option])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.Contains(expected, await agent.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, agent.ExitCode);
    }

    [Theory]
    [InlineData("--help >/dev/full", 1, "mpib-agent: No space left on device\n")]
    [InlineData("--version >/dev/full", 1, "mpib-agent: No space left on device\n")]
    [InlineData("--check-config FILE >/dev/full", 1, "mpib-agent: No space left on device\n")]
    [InlineData("--bogus 2>/dev/full", 2, "")]
    public void Output_that_finds_no_place_is_told_in_a_line(string arguments, int expectedCode, string expected)
    {
        var file = _files["checked.conf"];
        File.WriteAllText(file, "");
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh",
            ["-c", $"exec {AppContext.BaseDirectory}mpib-agent {arguments.Replace("FILE", file, StringComparison.Ordinal)}"])
        { RedirectStandardError = true })!;
        var errors = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        Assert.Equal((expectedCode, expected), (shell.ExitCode, errors));
    }

    [Fact]
    public void Bad_settings_are_all_listed_and_exit_with_2()
    {
        var (code, output) = AgentProcess.Run(_files, arguments: "--bogus --encoding base64 --initial-hint=-1");
        Assert.Equal(2, code);
        Assert.Equal(3, output.Split("mpib-agent: ").Length - 1);
        Assert.Empty(Directory.GetFileSystemEntries(_files.Path));
    }

    [Theory]
    [InlineData("[Hints]\nInitial = 2\n", 0, "{0}: good")]
    [InlineData("[Hints]\nInitial = two\nInital = 2\n", 2,
        "mpib-agent: {0}:2: [Hints] Initial: expected a whole number of 0 to 4294967295, got 'two'\nmpib-agent: {0}:3: [Hints] Inital: there is no such setting")]
    [InlineData(null, 2, "mpib-agent: {0}: Could not find file '{0}'.")]
    public void A_file_is_checked_and_nothing_touched(string? text, int expectedCode, string expected)
    {
        var file = _files["checked.conf"];
        if (text is not null)
        {
            File.WriteAllText(file, text);
        }

        var (code, output) = AgentProcess.Run(_files, arguments: $"--check-config {file}");
        Assert.Equal((expectedCode, expected.Replace("{0}", file, StringComparison.Ordinal)), (code, Regex.Replace(output.Trim(), "\n+", "\n")));
        Assert.Equal(text is null ? [] : new[] { file }, Directory.GetFileSystemEntries(_files.Path));
    }

    [Fact]
    public async Task A_second_agent_ends_with_1_and_names_the_first()
    {
        using var first = AgentProcess.Start(_files);
        var (code, output) = AgentProcess.Run(_files);
        Assert.Equal(1, code);
        Assert.Contains($"another agent is running (pid {first.Pid})", output, StringComparison.Ordinal);
        await first.StopAsync();
    }

    [Fact]
    public void Metrics_of_an_agent_that_was_killed_do_not_outlive_a_start_that_fails()
    {
        var file = _files["m.prom"];
        using (var killed = AgentProcess.Start(_files, arguments: $"--metrics-file {file}"))
        {
            killed.Signal("KILL");
        }

        Assert.True(File.Exists(file));
        File.Delete(_files["control"]);
        File.WriteAllText(_files["control"], "");
        Assert.Equal(1, AgentProcess.Run(_files, arguments: $"--metrics-file {file}").ExitCode);
        Assert.False(File.Exists(file));
    }

    [Theory]
    [InlineData("ulimit -n 7;", "")]
    [InlineData("export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=wrong;", "LISTEN_FDNAMES=wrong")]
    [InlineData("export LISTEN_PID=$$ LISTEN_FDS=1; unset LISTEN_FDNAMES;", "LISTEN_FDNAMES=")]
    [InlineData("exec 3</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=registration;", "ListenStream=")]
    [InlineData("exec 3</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=control;", "ListenFIFO=")]
    public void A_start_that_cannot_succeed_ends_with_an_error(string before, string expected)
    {
        var (code, output) = AgentProcess.Run(_files, before);
        Assert.NotEqual(0, code);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Descriptors_that_are_for_another_process_are_none_of_its_own()
    {
        using var agent = AgentProcess.Start(_files, "export LISTEN_PID=1 LISTEN_FDS=1 LISTEN_FDNAMES=wrong;");
        await agent.StopAsync();
    }

    [Theory]
    [InlineData("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)")]
    [InlineData("socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)")]
    [InlineData("socket.create_server(('127.0.0.1', 0))")]
    public void A_socket_of_systemd_that_is_of_another_kind_is_refused(string socket)
    {
        Prerequisites.RequireCommand("python3", "python3");
        var pass = $"import os, socket, sys; s = {socket}; os.dup2(s.fileno(), 9); os.dup2(9, 3); os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])";
        var (code, output) = AgentProcess.Run(_files, $"export LISTEN_FDS=1 LISTEN_FDNAMES=registration; exec python3 -c \"{pass}\"");
        Assert.Equal(1, code);
        Assert.Contains("no listening Unix stream socket", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("registration", "socket.socket(socket.AF_UNIX); s.bind('{0}'); s.listen(9)", "agent.sock", "--socket-mode", "Mode", "0600", "0666")]
    [InlineData("control", "os.fdopen(os.open('{0}', os.O_RDWR))", "control", "--control-mode", "Mode", "0600", "0666")]
    [InlineData("control", "os.fdopen(os.open('{0}', os.O_RDWR))", "control", "--control-group", "Group", "nosuchgroup", "root")]
    public async Task A_setting_that_is_not_that_of_what_systemd_made_is_warned_of(
        string name, string make, string file, string option, string setting, string other, string same)
    {
        Prerequisites.RequireCommand("python3", "python3");
        if (setting == "Group")
        {
            Prerequisites.RequireRoot();
        }

        var made = string.Format(System.Globalization.CultureInfo.InvariantCulture, make, _files[file]);
        var pass = $"import os, socket, sys; s = {made}; os.chmod('{_files[file]}', 0o666); os.dup2(s.fileno(), 9); os.dup2(9, 3); os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])";
        foreach (var (value, isWarned) in new[] { (other, true), (same, false) })
        {
            File.Delete(_files[file]);
            using var agent = AgentProcess.Start(
                _files, $"test {name} = registration || mkfifo {_files[file]}; export LISTEN_FDS=1 LISTEN_FDNAMES={name}; exec python3 -c \"{pass}\"", $"{option} {value}");
            await agent.StopAsync();
            Assert.Equal(isWarned, agent.Output.Contains($"{setting} = {value} is not used", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("registration", "socket.socket(socket.AF_UNIX); s.bind('{0}'); s.listen(9)", "Registration")]
    [InlineData("control", "os.fdopen(os.open('{0}', os.O_RDWR))", "Control")]
    public async Task The_path_that_is_told_is_that_of_what_systemd_made(string name, string make, string section)
    {
        Prerequisites.RequireCommand("python3", "python3");
        var made = string.Format(System.Globalization.CultureInfo.InvariantCulture, make, _files["made"]);
        var pass = $"import os, socket, sys; s = {made}; os.dup2(s.fileno(), 9); os.dup2(9, 3); os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])";
        using var agent = AgentProcess.Start(
            _files, $"test {name} = registration || mkfifo {_files["made"]}; export LISTEN_FDS=1 LISTEN_FDNAMES={name}; exec python3 -c \"{pass}\"");
        await agent.StopAsync();
        Assert.Contains($"{_files["made"]}, held by systemd", agent.Output, StringComparison.Ordinal);
        Assert.Contains($"[{section}] Path = {_files[name == "control" ? "control" : "agent.sock"]} is not used", agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_of_another_user_is_refused()
    {
        Prerequisites.RequireRoot();
        Assert.Equal(0, Shell($"mkdir {_files["theirs"]} && chown nobody {_files["theirs"]}"));
        var (code, output) = AgentProcess.Run(_files, arguments: $"--state {_files["theirs"]}/state");
        Assert.Equal(1, code);
        Assert.Contains($"{_files["theirs"]}: belongs to uid", output, StringComparison.Ordinal);

        // It may be the region's, of another agent.
        Assert.Contains("; remove it when no job runs, or choose another path", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_parent_directory_is_told_with_the_command_that_makes_it()
    {
        var (code, output) = AgentProcess.Run(_files, arguments: $"--state {_files["no"]}/such/state");
        Assert.Equal(1, code);
        Assert.Contains($"run: mkdir -p {_files["no"]}", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(">&- 2>&-")]
    [InlineData(">/dev/full 2>&1")]
    public async Task Without_a_log_it_serves_all_the_same(string redirection)
    {
        using var agent = System.Diagnostics.Process.Start("sh", ["-c",
            $"exec {AppContext.BaseDirectory}mpib-agent --hints {_files["hints"]} --socket {_files["agent.sock"]} --control {_files["control"]} {redirection}"]);
        Wait.Until(() => File.Exists(_files["control"]));
        Wait.Until(() => Shell($"timeout 10 sh -c 'echo 0 7 >{_files["control"]}'") == 0);
        using (var reader = new MpibAgent.Interface.HintReader(_files["hints"]))
        {
            Wait.Until(() => reader.Read(0).SupBw == 7);
        }

        Shell($"kill {agent.Id}");
        await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, agent.ExitCode);
    }

    private static int Shell(string command)
    {
        using var shell = System.Diagnostics.Process.Start("sh", ["-c", command]);
        shell.WaitForExit();
        return shell.ExitCode;
    }
}
