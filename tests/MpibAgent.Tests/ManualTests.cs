using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using MpibAgent.Policy;

namespace MpibAgent.Tests;

/// <summary>The man pages and the completions of the command lines, against the settings of the code and what the programs say of themselves.</summary>
public sealed partial class ManualTests
{
    [Fact]
    public void The_settings_page_has_every_setting_with_its_default_and_option()
    {
        var section = "";
        var documented = new List<string>();
        foreach (var line in File.ReadLines(Checkout.Path("doc", "man", "mpib-agent.conf.5")))
        {
            section = line.StartsWith(".Ss ", StringComparison.Ordinal) ? line[4..] : section;
            if (SettingPattern().Match(line) is { Success: true } found)
            {
                documented.Add($"{section}:{found.Groups["key"]} = {found.Groups["default"].Value.Trim()}, -{found.Groups["option"]}");
            }
        }

        var expected = Setting.All.Select(setting => $"{setting.Key} = {Default(setting.Key)}, {setting.Option}");
        Assert.Equal(expected.Order(), documented.Order());
    }

    [Fact]
    public void The_agents_page_has_every_option_of_a_setting() =>
        Assert.Equal(Setting.All.Select(setting => $".It Fl {setting.Option[1..]} Ar {setting.Value}").Order(),
            File.ReadLines(Checkout.Path("doc", "man", "mpib-agent.8"))
                .Where(line => line.StartsWith(".It Fl -", StringComparison.Ordinal) && line.Contains(" Ar ", StringComparison.Ordinal)
                    && !line.EndsWith("config Ar FILE", StringComparison.Ordinal)).Order());

    /// <summary>Where they are written down by hand; settings, help and the FIFO have them from the catalogue.</summary>
    [Theory]
    [InlineData("deploy/mpib-agent.completion", "--policy) words=")]
    [InlineData("deploy/agent.conf", "[Policy]\n# Who sets the hints.")]
    [InlineData("doc/man/mpib-agent.conf.5", "Who sets the hints.")]
    [InlineData("doc/man/mpib-agent.8", "Who sets the hints:")]
    [InlineData("doc/man/mpib-agent.8", ".It Ic policy Ar NAME")]
    [InlineData("doc/interface.md", "| `policy NAME` |")]
    [InlineData("doc/policies.md", "| policy | looks at | use it |")]
    public void Every_policy_is_named(string file, string head)
    {
        const int Paragraph = 600;
        var text = File.ReadAllText(Checkout.Path(file));
        var paragraph = text[text.IndexOf(head, StringComparison.Ordinal)..][..Paragraph];
        Assert.All(PolicyCatalogue.Names, name => Assert.Matches($@"\b{name}\b", paragraph));
    }

    [Theory]
    [InlineData("mpib-agent.8")]
    [InlineData("mpib-agent.conf.5")]
    [InlineData("mpibctl.1")]
    [InlineData("mpib-exporter.8")]
    public async Task A_page_is_well_formed(string page)
    {
        Prerequisites.RequireCommand("mandoc", "mandoc");
        Assert.Equal((0, ""), await RunAsync("mandoc", "-T", "lint", "-W", "warning", Checkout.Path("doc", "man", page)));
    }

    [Fact]
    public async Task The_exporters_page_has_every_option()
    {
        var (_, help) = await RunAsync(Path.Combine(AppContext.BaseDirectory, "mpib-exporter"), "--help");
        var documented = File.ReadLines(Checkout.Path("doc", "man", "mpib-exporter.8")).Where(line => line.StartsWith(".It Fl ", StringComparison.Ordinal))
            .Select(line => line[".It Fl ".Length..].Split(" Ar ")).Select(words => $"-{words[0]}{(words.Length > 1 ? $" <{words[1]}>" : "")}");
        Assert.Equal(OptionsIn(help).Select(option => option.Replace("-?, -h, ", "", StringComparison.Ordinal)).Order(), documented.Order());
    }

    [Fact]
    public void The_tools_page_has_every_command_and_option_that_the_tool_names()
    {
        var page = File.ReadAllLines(Checkout.Path("doc", "man", "mpibctl.1"));
        var commands = CommandPattern().Matches(HelpOf()).Select(found => found.Groups["name"].Value).ToList();
        Assert.Equal(commands, page.Where(line => line.StartsWith(".It Cm ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]));
        Assert.Equal(commands, page.Where(line => line.StartsWith(".Cm ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]).Take(commands.Count));

        string[] general = ["-?, -h, --help", "--version", "--agent <FILE>"];
        var expected = commands.SelectMany(command => OptionsIn(HelpOf(command)).Except(general).Select(option => $"{command} {option}"))
            .Concat(OptionsIn(HelpOf()).Select(option => " " + option));
        var command = "";
        var documented = new List<string>();
        foreach (var line in page)
        {
            command = line.StartsWith(".It Cm ", StringComparison.Ordinal) ? line.Split(' ')[2] : line.StartsWith(".Sh ", StringComparison.Ordinal) ? "" : command;
            if (line.StartsWith(".It Fl ", StringComparison.Ordinal))
            {
                var words = line[4..].Replace("\\&", "", StringComparison.Ordinal).Replace(" , ", ", ", StringComparison.Ordinal).Replace("Fl ", "-", StringComparison.Ordinal).Split(" Ar ");
                documented.Add($"{command} {words[0]}{(words.Length > 1 ? $" <{words[1]}>" : "")}");
            }
        }

        Assert.Equal(expected.Order(), documented.Order());
    }

    [Theory]
    [InlineData("", "--agent --help --version status set unset check top events bench")]
    [InlineData("s", "status set")]
    [InlineData("status --", "--json --watch --agent --help")]
    [InlineData("--agent /etc/host", "/etc/hostname /etc/hosts")]
    [InlineData("bench --agent x --n", "--new-flows")]
    [InlineData("set ", "all 0 1 2 3 10.0.0.1,10.0.0.2 10.0.0.1,10.0.0.3")]
    [InlineData("unset 10", "10.0.0.1,10.0.0.2 10.0.0.1,10.0.0.3")]
    [InlineData("events --slot ", "0 1 2 3")]
    [InlineData("events --event ", "registered hint-set")]
    public async Task The_tools_command_line_is_completed(string typed, string expected)
    {
        using var files = new TempDirectory();
        const string Slots = """
            "slot": 0,
              "source": "10.0.0.1",
              "destination": "10.0.0.2",
            "slot": 1,
              "source": "10.0.0.1",
              "destination": "10.0.0.3",
            "slot": 2,
              "source": null,
              "destination": null,
            "slot": 3,
              "source": "$(touch$IFS$EVIL)",
              "destination": "10.0.0.3",
            "slot": $(touch$IFS$EVIL),
            """;

        // Slots and events are played: strangers have a hand in both.
        await File.WriteAllTextAsync(files["slots"], Slots, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(files["mpibctl"], $"#!/bin/sh\n[ \"$*\" = 'status --json' ] && exec cat {files["slots"]}\nexec {Ctl.Ctl.Program} \"$@\"\n",
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(files["journalctl"], "#!/bin/sh\nprintf 'hint-set\\n$(touch$IFS$EVIL)\\nregistered\\n'\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(files["mpibctl"], (UnixFileMode)0x1ED);
        File.SetUnixFileMode(files["journalctl"], (UnixFileMode)0x1ED);

        var said = await CompleteAsync("mpibctl", files["mpibctl"], typed, $"PATH={files.Path}:$PATH EVIL={files["evil"]}");

        Assert.Equal(expected.Split(' ').Order(), said.Distinct().Where(word => !word.StartsWith("/etc/host", StringComparison.Ordinal) || expected.Contains(word, StringComparison.Ordinal)).Order());
        Assert.False(File.Exists(files["evil"]));
    }

    [Theory]
    [InlineData("--tele", "--telemetry-listen --telemetry-senders --telemetry-key-file --telemetry-expiry --telemetry-threshold --telemetry-collector --telemetry-period")]
    [InlineData("--check", "--check-config")]
    [InlineData("--ver", "--version")]
    [InlineData("--encoding p", "ppm1024")]
    [InlineData("--overflow s", "share")]
    [InlineData("--policy ", "manual alternating capacity adaptive")]
    [InlineData("--config /etc/host", "/etc/hostname /etc/hosts")]
    public async Task The_command_line_is_completed(string typed, string expected)
    {
        var said = await CompleteAsync("mpib-agent", $"{AppContext.BaseDirectory}mpib-agent", typed);
        Assert.Subset(said.ToHashSet(), expected.Split(' ').ToHashSet());
        Assert.All(said, word => Assert.StartsWith(typed.Split(' ')[^1], word, StringComparison.Ordinal));
    }

    /// <summary>What bash offers for a command line that has been typed so far.</summary>
    private static async Task<string[]> CompleteAsync(string name, string program, string typed, string variables = "")
    {
        var script = $"""
            {(variables.Length > 0 ? "export " + variables : "")}
            . {Checkout.Path("deploy", name + ".completion")}
            COMP_WORDS=({program} {typed}{(typed.Length == 0 || typed.EndsWith(' ') ? "''" : "")})
            COMP_CWORD=$(({"${#COMP_WORDS[@]}"} - 1))
            _{name.Replace('-', '_')} {program}
            printf '%s\n' "{"${COMPREPLY[@]}"}"
            """;
        var (code, output) = await RunAsync("bash", "-c", script);
        Assert.Equal(0, code);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string HelpOf(string command = "") => Ctl.Ctl.RunWith(null, [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]).Output;

    private static IEnumerable<string> OptionsIn(string help) => OptionPattern().Matches(help).Select(found => found.Groups["option"].Value);

    /// <summary>As the options class has it, in the words of the settings file.</summary>
    private static string Default(string key)
    {
        if (key == "State:Path")
        {
            return "/run/mpib/state";
        }

        object value = new AgentOptions();
        foreach (var name in key.Split(':'))
        {
            value = value.GetType().GetProperty(name)!.GetValue(value)!;
        }

        var text = Convert.ToString(value, CultureInfo.InvariantCulture)!;
        return value is Enum ? text.ToLowerInvariant() : text;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await errors);
    }

    // "  -n, --lines <N>  the last so many"
    [GeneratedRegex("^  (?<option>-.*?)(  .*)?$", RegexOptions.Multiline)]
    private static partial Regex OptionPattern();

    [GeneratedRegex("(?<=^Commands:\n(  .*\n)*)  (?<name>[a-z]+) .*", RegexOptions.Multiline)]
    private static partial Regex CommandPattern();

    [GeneratedRegex("^\\.It Ic (?<key>[A-Za-z]+) =(?<default>.*) Pq Fl (?<option>\\S+)$")]
    private static partial Regex SettingPattern();
}
