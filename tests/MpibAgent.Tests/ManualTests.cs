using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace MpibAgent.Tests;

/// <summary>The man pages and the completion of the command line, against the settings of the code.</summary>
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

    [Theory]
    [InlineData("mpib-agent.8")]
    [InlineData("mpib-agent.conf.5")]
    public async Task A_page_is_well_formed(string page)
    {
        Prerequisites.RequireCommand("mandoc", "mandoc");
        Assert.Equal((0, ""), await RunAsync("mandoc", "-T", "lint", "-W", "warning", Checkout.Path("doc", "man", page)));
    }

    [Theory]
    [InlineData("--tele", "--telemetry-listen --telemetry-senders --telemetry-key-file --telemetry-expiry --telemetry-threshold --telemetry-collector --telemetry-period")]
    [InlineData("--check", "--check-config")]
    [InlineData("--ver", "--version")]
    [InlineData("--encoding p", "ppm1024")]
    [InlineData("--policy ", "manual alternating capacity adaptive")]
    [InlineData("--config /etc/host", "/etc/hostname /etc/hosts")]
    public async Task The_command_line_is_completed(string typed, string expected)
    {
        var script = $"""
            . {Checkout.Path("deploy", "mpib-agent.completion")}
            COMP_WORDS=({AppContext.BaseDirectory}mpib-agent {typed}{(typed.EndsWith(' ') ? "''" : "")})
            COMP_CWORD=$(({"${#COMP_WORDS[@]}"} - 1))
            _mpib_agent {AppContext.BaseDirectory}mpib-agent
            printf '%s\n' "{"${COMPREPLY[@]}"}"
            """;
        var (code, output) = await RunAsync("bash", "-c", script);
        Assert.Equal(0, code);
        Assert.Subset(output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToHashSet(), expected.Split(' ').ToHashSet());
        Assert.All(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), word => Assert.StartsWith(typed.Split(' ')[^1], word, StringComparison.Ordinal));
    }

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

    [GeneratedRegex("^\\.It Ic (?<key>[A-Za-z]+) =(?<default>.*) Pq Fl (?<option>\\S+)$")]
    private static partial Regex SettingPattern();
}
