using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;
using MpibAgent.Interface;
using MpibAgent.Logging;

namespace MpibAgent.Tests;

public sealed class SettingsReaderTests : IDisposable
{
    private readonly TempDirectory _files = new();
    private readonly Hashtable _environment = [];

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Without_any_setting_the_defaults_are_those_of_the_contract()
    {
        var options = Read("");
        Assert.Equal(("/tmp/mpib/hints", "0644", 1u, HintEncoding.Multiplier),
            (options.Hints.Path, options.Hints.Mode, options.Hints.Initial, options.Hints.Encoding));
        Assert.Equal(("/tmp/mpib/agent.sock", "0666"), (options.Registration.Path, options.Registration.Mode));
        Assert.Equal(("/run/mpib/control", "0620", "mpib"), (options.Control.Path, options.Control.Mode, options.Control.Group));
        Assert.Equal("manual", options.Policy.Name);
        Assert.Equal(("", "", 0.0, 0.0, "/sys"),
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SoutGbps, options.Rails.SupGbps, options.Rails.SysRoot));
    }

    [Fact]
    public void The_command_line_goes_over_the_environment_and_that_over_the_file()
    {
        _environment["MPIB_AGENT_HINTS_INITIAL"] = "20";
        _environment["MPIB_AGENT_REGISTRATION_MAXPEERS"] = "21";
        var options = Read("[Hints]\nInitial=10\nEncoding=ppm1024\n[Registration]\nMaxPeers=11\nIdleTimeoutSec=12\n", "--initial-hint", "30");
        Assert.Equal((30u, HintEncoding.Ppm1024, 21, 12),
            (options.Hints.Initial, options.Hints.Encoding, options.Registration.MaxPeers, options.Registration.IdleTimeoutSec));
    }

    [Fact]
    public void Every_setting_reaches_its_option()
    {
        var options = Read(
            """
            ; comments of both
            # kinds
            [Hints]
            Path = /a/hints
            Mode = 0600
            Initial = 7
            Encoding = ppm1024
            [Registration]
            Path = /a/sock
            Mode = 0660
            IdleTimeoutSec = 5
            MaxPeers = 6
            [Control]
            Path = /a/control
            Mode = 0600
            Group = wheel
            [Policy]
            Name = manual
            [Rails]
            Sout = mlx5_3:2
            Sup = eth1
            SoutGbps = 400
            SupGbps = 0.1
            SysRoot = /a/sys
            [Log]
            Level = debug
            Target = console
            """);
        Assert.Equal(("/a/hints", "0600", 7u), (options.Hints.Path, options.Hints.Mode, options.Hints.Initial));
        Assert.Equal(("/a/sock", "0660", 5, 6),
            (options.Registration.Path, options.Registration.Mode, options.Registration.IdleTimeoutSec, options.Registration.MaxPeers));
        Assert.Equal(("/a/control", "0600", "wheel"), (options.Control.Path, options.Control.Mode, options.Control.Group));
        Assert.Equal(("mlx5_3:2", "eth1", 400.0, 0.1, "/a/sys"),
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SoutGbps, options.Rails.SupGbps, options.Rails.SysRoot));
        Assert.Equal((LogLevelName.Debug, LogTarget.Console), (options.Log.Level, options.Log.Target));
    }

    [Theory]
    [InlineData("", null, null, "plugin")]
    [InlineData("[Rails]\nSout=file\n", null, null, "file")]
    [InlineData("[Rails]\nSout=\n", null, null, "")]
    [InlineData("[Rails]\nSout=file\n", "environment", null, "environment")]
    [InlineData("", "", null, "")]
    [InlineData("[Rails]\nSout=file\n", "environment", "line", "line")]
    public void The_plugins_own_variables_are_the_last_to_be_asked_for_a_rail(string file, string? variable, string? option, string expected)
    {
        _environment["MPIB_HCA_SOUT"] = "plugin";
        _environment["MPIB_HCA_SUP"] = "mlx5_1:2";
        if (variable is not null)
        {
            _environment["MPIB_AGENT_RAILS_SOUT"] = variable;
        }

        var rails = Read(file, option is null ? [] : ["--sout", option]).Rails;
        Assert.Equal((expected, "mlx5_1:2"), (rails.Sout, rails.Sup));
    }

    [Fact]
    public void A_plugins_variable_that_is_no_single_device_is_a_fault_only_where_it_is_needed()
    {
        _environment["MPIB_HCA_SOUT"] = "=mlx5_0";
        _environment["MPIB_HCA_SUP"] = "";
        Assert.StartsWith("MPIB_HCA_SOUT: expected one device such as mlx5_3", Assert.Single(Faults("")), StringComparison.Ordinal);
        Assert.Equal(("eth1", ""), (Read("", "--sout", "eth1").Rails.Sout, Read("", "--sout", "eth1").Rails.Sup));
    }

    [Theory]
    [InlineData("--sout", "../eth1")]
    [InlineData("--sup", "mlx5_0,mlx5_1")]
    [InlineData("--sout-gbps", "-1")]
    [InlineData("--sout-gbps", "NaN")]
    [InlineData("--sup-gbps", "1e3")]
    [InlineData("--sup-gbps", "100001")]
    [InlineData("--sup-gbps", "fast")]
    [InlineData("--sys-root", "sys")]
    public void A_rail_that_cannot_be_is_refused(string option, string text) => Assert.Contains($"got '{text}'", Assert.Single(Faults("", option, text)), StringComparison.Ordinal);

    [Fact]
    public void Every_fault_is_listed_with_its_place()
    {
        _environment["MPIB_AGENT_HINTS_INITAL"] = "1";
        _environment["MPIB_AGENT_LOG_LEVEL"] = "loud";
        var faults = Faults("[Hints]\nInitial=one\nColour=red\n[Extra]\nX=1\n[Registration]\nMode=0999\nMaxPeers=0\n",
            "--bogus", "--encoding", "base64", "--hints", "relative", "--socket", "/" + new string('s', 107), "--hints-mode", "0666");
        string[] expected =
        [
            "'--bogus'", "[Hints] Initial: expected a whole number of 0 to 4294967295, got 'one'", "[Hints] Colour: there is no such setting",
            "[Extra] X: there is no such setting", "[Registration] Mode: expected an octal mode",
            "[Registration] MaxPeers: expected a whole number of 1", "MPIB_AGENT_HINTS_INITAL: there is no such setting",
            "MPIB_AGENT_LOG_LEVEL: expected debug or info or warning or error, got 'loud'",
            "--encoding: expected multiplier or ppm1024, got 'base64'", "--hints: expected an absolute path", "--socket: expected at most 107 bytes",
            "--hints-mode: expected a mode with which its owner",
        ];
        Assert.All(expected, part => Assert.Single(faults, fault => fault.Contains(part, StringComparison.Ordinal)));
        Assert.Equal(12, faults.Count);
    }

    [Theory]
    [InlineData("no section or equals sign\n")]
    [InlineData("[Hints\n")]
    [InlineData("[Hints]\nInitial=1\nInitial=2\n")]
    [InlineData("Initial=1\n")]
    [InlineData("[Hints]\nInitial=\n")]
    public void A_malformed_file_is_a_fault_that_names_it(string text) =>
        Assert.Contains(_files["agent.conf"], Assert.Single(Faults(text)), StringComparison.Ordinal);

    [Fact]
    public void Every_fault_of_the_file_is_listed_with_its_line()
    {
        var faults = Faults("[Hints]\nInitial=bad\ngarbage\nMode=0644\nmode = 0600\n\n[Control\n= 1\nEncoding = nope\n");
        Assert.Equal([2, 3, 5, 7, 8, 9], faults.Select(fault => int.Parse(fault.Split(':')[1], CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("Initial = 2000\nEncoding = ppm1024", 2, "the initial hint is 2000")]
    [InlineData("Encoding = ppm1024\n[Policy]\nAlternatingSecond = 1025", 4, "a hint of the alternating policy is 1025")]
    [InlineData("\n[Registration]\nPath = /tmp/mpib/hints", 4, "the region and the socket are both /tmp/mpib/hints")]
    [InlineData("[Telemetry]\nListen = 0.0.0.0:9471", 3, "set KeyFile")]
    public void A_fault_between_settings_is_listed_with_the_line_of_one_of_them(string lines, int line, string expected)
    {
        var fault = Assert.Single(Faults("[Hints]\n" + lines));
        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"{_files["agent.conf"]}:{line}: ["), fault, StringComparison.Ordinal);
        Assert.Contains(expected, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_between_settings_are_listed_beside_those_of_single_ones()
    {
        var faults = Faults("[Hints]\nInitial = 5000\nEncoding = ppm1024\n[Log]\nLevel = warn\n[Telemetry]\nListen = 0.0.0.0:9471\n");
        Assert.Equal(3, faults.Count);
        Assert.Contains("[Log] Level: expected debug", faults[0], StringComparison.Ordinal);
        Assert.Contains("the initial hint is 5000, and encoding ppm1024 ends at 1024", faults[1], StringComparison.Ordinal);
        Assert.Contains("set KeyFile", faults[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Encoding = ppm\nInitial = 5000")]
    [InlineData("Path = hints\n[Registration]\nPath = /tmp/mpib/hints")]
    [InlineData("[Telemetry]\nListen = 0.0.0.0:9471\nKeyFile = key")]
    [InlineData("[Telemetry]\nListen = 0.0.0.0:9471\nKeyFile = /etc/mpib/key   # of the day")]
    public void What_a_faulty_setting_would_be_together_with_others_is_not_guessed(string lines) => Assert.Single(Faults("[Hints]\n" + lines));

    [Theory]
    [InlineData("Initial = 1   # a half")]
    [InlineData("Path = /tmp/mpib/hints ; the default")]
    [InlineData("[Rails]\nSout = # later")]
    [InlineData("Path = /tmp/a#b/hints # the default")]
    [InlineData("Path = /tmp/a;b/hints\t; the default")]
    public void A_comment_behind_a_value_is_refused_and_not_taken_into_it(string lines) =>
        Assert.Matches(@":\d: \[(Hints|Rails)\] \w+: a comment takes a line of its own, got '", Assert.Single(Faults("[Hints]\n" + lines)));

    [Theory]
    [InlineData("[Hints]\nInitial = 2\0")]
    [InlineData("[Hints]\nIni\btial = 2")]
    [InlineData("[Hi\u001bnts]\n")]
    public void What_an_editor_does_not_show_is_a_fault(string lines) =>
        Assert.Contains("expected text, found a control character", Assert.Single(Faults(lines)), StringComparison.Ordinal);

    [Fact]
    public void A_tab_is_a_blank() => Assert.Equal(7u, Read("[Hints]\n\tInitial\t=\t7\t\n#\0").Hints.Initial);

    [Fact]
    public void A_mark_inside_a_value_is_no_comment() => Assert.Equal("/tmp/a#b;c", Read("[Hints]\nPath = /tmp/a#b;c").Hints.Path);

    [Fact]
    public void A_file_to_be_checked_is_read_as_the_agent_would_read_it()
    {
        _environment["MPIB_AGENT_LOG_LEVEL"] = "loud";
        var reader = new SettingsReader();
        Assert.Null(reader.Read(["--check-config", Written("[Hints]\nInitial = one"), "--encoding", "base64"], _environment));
        Assert.Equal(3, reader.Faults.Count);
        Assert.StartsWith($"{_files["any.conf"]}:2: [Hints] Initial: expected a whole number", reader.Faults[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--check-config")]
    [InlineData("--check-config", "")]
    [InlineData("--check-config", "/etc/hostname", "--config", "/etc/hostname")]
    public void One_file_is_to_be_checked(params string[] arguments)
    {
        var reader = new SettingsReader();
        Assert.Null(reader.Read(arguments, _environment));
        Assert.Contains("--check-config", string.Join('\n', reader.Faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/dev/zero")]
    [InlineData("/")]
    [InlineData("/proc/self/mem")]
    public void What_is_no_settings_file_is_a_fault(string path)
    {
        var reader = new SettingsReader();
        Assert.Null(reader.Read(["--config", path], _environment));
        Assert.Single(reader.Faults);
    }

    [Fact]
    public void A_fifo_as_settings_file_is_refused_and_not_waited_for()
    {
        using var mkfifo = System.Diagnostics.Process.Start("mkfifo", [_files["fifo"]]);
        mkfifo.WaitForExit();
        var reader = new SettingsReader();
        Assert.Null(reader.Read(["--config", _files["fifo"]], _environment));
        Assert.Contains("expected a regular file", Assert.Single(reader.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Any_text_of_a_settings_file_is_cut_into_lines_without_a_crash() => CsCheck.Check.Sample(
        CsCheck.Gen.String[CsCheck.Gen.Char["[]=#;: \n\r\tHints\0é\ud800"], 0, 80],
        text =>
        {
            var lines = IniFile.Read(new StringReader(text)).ToList();
            Assert.All(lines, line => Assert.True((line.Key is not null || line.Fault is not null) && line.Number > 0));
            Assert.Equal(lines.Count(line => line.Key is not null), lines.Select(line => line.Key?.ToUpperInvariant()).OfType<string>().Distinct().Count());
        },
        iter: Fuzz.Iterations);

    [Fact]
    public void Any_bytes_are_read_or_refused() => CsCheck.Check.Sample(
        CsCheck.Gen.String[CsCheck.Gen.Char["[]=#;: \n\rHintsMode0\0é"], 0, 60],
        text =>
        {
            var reader = new SettingsReader();
            Assert.Equal(reader.Read(["--config", Written(text)], _environment) is null, reader.Faults.Count > 0);
        },
        threads: 1);

    [Theory]
    [InlineData("--socket", "/tmp/mpib/hints")]
    [InlineData("--socket", "/tmp/mpib/agent.lock")]
    [InlineData("--control", "/tmp/mpib/agent.sock")]
    [InlineData("--hints", "/run/mpib/control")]
    [InlineData("--hints", "/tmp/mpib/agent.lock")]
    [InlineData("--hints", "/run/mpib/state")]
    [InlineData("--control", "/run/mpib/state")]
    [InlineData("--socket", "/run/mpib/state.new")]
    [InlineData("--socket", "/run/mpib/state.lock")]
    [InlineData("--socket", "/a/state.lock", "--state", "/a/b")]
    [InlineData("--state", "/tmp/mpib/hints")]
    [InlineData("--state", "/tmp/mpib/hints.new")]
    [InlineData("--state", "/run/mpib/status.json")]
    [InlineData("--state", "/run/mpib/status.json.new")]
    [InlineData("--metrics-file", "/tmp/a.prom", "--state", "/tmp/a.prom")]
    [InlineData("--metrics-file", "/tmp/a.prom", "--state", "/tmp/a.prom.new")]
    public void Two_things_at_one_path_are_refused(params string[] arguments) =>
        Assert.Contains("each needs a path of its own", Assert.Single(Faults("", arguments)), StringComparison.Ordinal);

    [Fact]
    public void What_is_given_twice_is_named_as_in_all_other_faults() =>
        Assert.EndsWith(":3: [Hints] Initial is given twice", Assert.Single(Faults("[Hints]\nInitial = 1\nInitial = 2\n")), StringComparison.Ordinal);

    [Theory]
    [InlineData("--state", "/a/telemetry")]
    [InlineData("--state", "/a/b", "--socket", "/a/telemetry.new")]
    public void The_sequences_of_senders_take_paths_beside_the_state(params string[] arguments) =>
        Assert.Contains("each needs a path of its own", Assert.Single(Faults("", [.. arguments, "--telemetry-key-file", "/a/key"])), StringComparison.Ordinal);

    [Theory]
    [InlineData("--hints-mode", "0444")]
    [InlineData("--hints-mode", "0000")]
    [InlineData("--hints-mode", "0646")]
    [InlineData("--control-mode", "0220")]
    public void A_mode_that_keeps_the_agent_out_is_refused(string option, string mode) => Assert.Single(Faults("", option, mode));

    [Theory]
    [InlineData("--socket-mode", "66")]
    [InlineData("--socket-mode", "00666")]
    [InlineData("--socket-mode", "1777")]
    [InlineData("--hints", "/tmp/mpib/")]
    [InlineData("--control-group", "")]
    [InlineData("--control-group", "a-name-of-more-characters-than-32")]
    [InlineData("--metrics-file", "/tmp/metrics.txt")]
    public void A_text_that_cannot_be_is_refused(string option, string text) => Assert.Contains($"got '{text}'", Assert.Single(Faults("", option, text)), StringComparison.Ordinal);

    [Fact]
    public void A_socket_has_a_path_of_up_to_107_bytes() => Read("", "--socket", "/" + new string('s', 106));

    [Fact]
    public void The_environment_can_name_the_file_and_the_command_line_goes_over_that()
    {
        _environment["MPIB_AGENT_CONFIG"] = Written("[Hints]\nInitial = 5\n");
        Assert.Equal(5u, new SettingsReader().Read([], _environment)!.Hints.Initial);
        Assert.Equal(6u, Read("[Hints]\nInitial = 6\n").Hints.Initial);
    }

    [Fact]
    public void A_file_that_was_asked_for_and_is_not_there_is_a_fault()
    {
        var reader = new SettingsReader();
        Assert.Null(reader.Read(["--config", _files["none.conf"]], _environment));
        Assert.Contains("none.conf", Assert.Single(reader.Faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--initial-hint")]
    [InlineData("--initial-hint", "1", "--initial-hint", "2")]
    [InlineData("stray")]
    [InlineData("--initial-hint", "2000", "--encoding", "ppm1024")]
    public void A_faulty_command_line_is_refused(params string[] arguments) => Assert.NotEmpty(Faults("", arguments));

    [Theory]
    [InlineData("[stray]")]
    [InlineData("[stray:1]", "--manual")]
    public void A_first_argument_in_brackets_is_refused(params string[] arguments)
    {
        var reader = new SettingsReader();
        Assert.Null(reader.Read(arguments, _environment));
        Assert.Contains(arguments[0], Assert.Single(reader.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Manual_is_accepted() => Assert.Equal("manual", Read("", "--manual").Policy.Name);

    [Fact]
    public void The_shipped_file_documents_every_setting_and_changes_none()
    {
        var path = Checkout.Path("deploy", "agent.conf");
        var shipped = File.ReadAllLines(path);
        Assert.DoesNotContain(shipped, line => line.Length > 0 && line[0] is not ('#' or '[' or ';'));
        foreach (var setting in Setting.All)
        {
            var key = setting.Key[(setting.Key.IndexOf(':', StringComparison.Ordinal) + 1)..];
            Assert.Contains(shipped, line => line.TrimStart('#', ' ').StartsWith(key, StringComparison.Ordinal));
        }

        // And its examples are good settings.
        var uncommented = string.Join('\n', shipped.Select(line => Regex.IsMatch(line, "^# [A-Z][A-Za-z]* = ") ? line.TrimStart('#', ' ') : line));
        Assert.NotNull(Read(uncommented));
    }

    [Fact]
    public void Every_number_has_the_range_that_the_shipped_file_names()
    {
        var (section, numbers) = ("", 0);
        (long Least, long Most)? range = null;
        foreach (var line in File.ReadAllLines(Checkout.Path("deploy", "agent.conf")))
        {
            if (line.Length == 0)
            {
                range = null;
            }
            else if (line[0] == '[')
            {
                section = line[1..^1];
            }
            else if (range is null && Regex.Match(line, "([0-9]+) to ([0-9]+)") is { Success: true } said)
            {
                range = (long.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture), long.Parse(said.Groups[2].Value, CultureInfo.InvariantCulture));
            }
            else if (range is var (least, most) && Regex.Match(line, "^# ([A-Za-z]+) = [0-9]+$") is { Success: true } key)
            {
                var setting = Setting.All.Single(setting => setting.Key == $"{section}:{key.Groups[1].Value}");
                Assert.Equal((setting.Key, "refused, good, good, refused"), (setting.Key, string.Join(", ", new[] { least - 1, least, most, most + 1 }
                    .Select(number => setting.Fault(number.ToString(CultureInfo.InvariantCulture)) is null ? "good" : "refused"))));
                numbers++;
            }
        }

        Assert.Equal(14, numbers);
    }

    [Fact]
    public void Settings_that_the_documents_show_can_be_pasted()
    {
        var sections = Setting.All.Select(setting => $"[{setting.Key.Split(':')[0]}]").ToHashSet();
        var blocks = 0;
        string[] documents = [Checkout.Path("README.md"), .. Directory.GetFiles(Checkout.Path("doc"), "*.md"), .. Directory.GetFiles(Checkout.Path("deploy"), "*.md", SearchOption.AllDirectories)];
        foreach (var document in documents)
        {
            var lines = File.ReadAllLines(document);
            for (var i = 0; i < lines.Length; i++)
            {
                if (lines[i].StartsWith("    ", StringComparison.Ordinal) && sections.Contains(lines[i].Trim()))
                {
                    var block = lines.Skip(i).TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal)).ToList();
                    Read(string.Join('\n', block));
                    blocks++;
                }
            }
        }

        Assert.True(blocks >= 5, $"found {blocks} blocks of settings");
    }

    private string Written(string text)
    {
        File.WriteAllText(_files["any.conf"], text);
        return _files["any.conf"];
    }

    private AgentOptions Read(string file, params string[] arguments)
    {
        var reader = new SettingsReader();
        File.WriteAllText(_files["agent.conf"], file);
        var options = reader.Read(["--config", _files["agent.conf"], .. arguments], _environment);
        Assert.True(options is not null, string.Join('\n', reader.Faults));
        return options;
    }

    private List<string> Faults(string file, params string[] arguments)
    {
        var reader = new SettingsReader();
        File.WriteAllText(_files["agent.conf"], file);
        Assert.Null(reader.Read(["--config", _files["agent.conf"], .. arguments], _environment));
        return reader.Faults;
    }
}
