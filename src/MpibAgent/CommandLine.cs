using System.CommandLine;

namespace MpibAgent;

/// <summary>What the command line says: the settings by their options, and which file. Answers --help and --version by itself.</summary>
internal sealed class CommandLine
{
    /// <summary>Names the settings file.</summary>
    public const string FileOption = "--config";

    /// <summary>Names one that is only to be checked.</summary>
    public const string CheckOption = "--check-config";

    public CommandLine(string[] arguments)
    {
        var file = new Option<string?>(FileOption) { HelpName = "FILE", Description = $"the settings file ({SettingsReader.DefaultFile})" };
        var check = new Option<string?>(CheckOption) { HelpName = "FILE", Description = "say what is wrong with a settings file, and start nothing" };
        var manual = new Option<bool>("--manual") { Description = "the same as --policy manual" };
        var command = new RootCommand("MPIB Transport Agent: gives each flow of a NCCL job its slot and keeps the slots' hints.\n"
            + $"Settings come from {SettingsReader.DefaultFile}, then from {SettingsReader.VariablePrefix}SECTION_KEY in the environment, then from here.")
        {
            file, check, manual,
        };
        var options = Setting.All.ToDictionary(setting => setting, setting => new Option<string?>(setting.Option)
        {
            HelpName = setting.Value,
            Description = setting.Help,
        });
        foreach (var option in options.Values)
        {
            command.Add(option);
        }

        var parsed = ProgramLine.Read(command, "mpib-agent", arguments);
        if (parsed.Errors.Count == 0 && parsed.Action is not null)
        {
            parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
            IsAnswered = true;
            return;
        }

        Faults.AddRange(ProgramLine.Faults(parsed));
        (File, CheckedFile) = (ValueOf(parsed, file), ValueOf(parsed, check));
        if (CheckedFile is not null && File is not null)
        {
            Faults.Add($"{CheckOption} names the file; leave {FileOption} out");
        }

        foreach (var (setting, option) in options)
        {
            if (ValueOf(parsed, option) is { } text)
            {
                Settings.Add((setting, text));
            }
        }

        IsManual = parsed.Errors.Count == 0 && parsed.GetValue(manual);
    }

    /// <summary>Nothing is to be started: it was --help or --version, and has been answered.</summary>
    public bool IsAnswered { get; }

    /// <summary>What is wrong, a line each.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>The settings file; null when none was named.</summary>
    public string? File { get; }

    /// <summary>The file that is only to be checked; null when the agent is to run.</summary>
    public string? CheckedFile { get; }

    /// <summary>Settings and what was given for them.</summary>
    public List<(Setting Setting, string Text)> Settings { get; } = [];

    /// <summary>--manual was given.</summary>
    public bool IsManual { get; }

    /// <summary>The value of an option that was given once and with a value; the faults of the others are listed already.</summary>
    private static string? ValueOf(ParseResult parsed, Option<string?> option) =>
        parsed.GetResult(option) is { Implicit: false, Tokens.Count: 1 } result ? result.Tokens[0].Value : null;
}
