using System.Collections;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Configuration;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Rails;
using MpibAgent.Slots;
using MpibAgent.Status;
using MpibAgent.Telemetry;

namespace MpibAgent;

/// <summary>
/// Gathers the settings: the file, then the environment, then the command line, each over the one before, and the plugin's own variables
/// under them all. All faults are found and listed, with where they are; with none, the configuration binder makes the options.
/// </summary>
internal sealed class SettingsReader
{
    /// <summary>Where the settings file is unless --config or MPIB_AGENT_CONFIG say otherwise; it need not exist.</summary>
    public const string DefaultFile = "/etc/mpib/agent.conf";

    /// <summary>Variables that begin so are the agent's, and an unknown one is a fault.</summary>
    public const string VariablePrefix = "MPIB_AGENT_";

    private const string FileVariable = VariablePrefix + "CONFIG";
    private const long LargestFile = 1 << 20;
    private const int NoSuchFile = 2;
    private const int NotADirectory = 20;

    private readonly Dictionary<string, string?> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _places = new(StringComparer.OrdinalIgnoreCase);

    // Keys whose value is a fault by itself: what they would be together with others is not known.
    private readonly HashSet<string> _faulty = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The settings that were made anywhere, as they were written.</summary>
    public IReadOnlyDictionary<string, string?> Values => _values;

    /// <summary>The file that is only to be checked; null when the agent is to run.</summary>
    public string? CheckedFile { get; private set; }

    /// <summary>What is wrong, a line each.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>Reads everything. Returns null for --help and --version, which have been answered then, and when there are faults.</summary>
    public AgentOptions? Read(string[] arguments, IDictionary environment)
    {
        // A service has none, and what they could be takes a twentieth of its start.
        var line = arguments.Length > 0 ? new CommandLine(arguments) : null;
        if (line is { IsAnswered: true })
        {
            return null;
        }

        Faults.AddRange(line?.Faults ?? []);
        CheckedFile = line?.CheckedFile;
        ReadFile(CheckedFile ?? line?.File ?? environment[FileVariable] as string);
        ReadEnvironment(environment);
        foreach (var (setting, text) in line?.Settings ?? [])
        {
            Set(setting, text, setting.Option);
        }

        if (line is { IsManual: true })
        {
            _values["Policy:Name"] = "manual";
        }

        SetUnlessSet("Rails:Sout", RailOptions.PluginSout, environment);
        SetUnlessSet("Rails:Sup", RailOptions.PluginSup, environment);
        var options = Bind();
        return Faults.Count == 0 ? options : null;
    }

    /// <summary>Makes the options of what is good by itself, and looks for faults between them.</summary>
    private AgentOptions Bind()
    {
        var options = new AgentOptions();
        new ConfigurationBuilder().AddInMemoryCollection(_values.Where(value => !_faulty.Contains(value.Key))).Build().Bind(options);
        var highest = options.Hints.Encoding.MaxHint();
        var end = $"and encoding {options.Hints.Encoding.Name()} ends at {highest}";
        if (options.Hints.Initial > highest)
        {
            AddFault($"the initial hint is {options.Hints.Initial}, {end}", "Hints:Initial", "Hints:Encoding");
        }

        if (Math.Max(options.Policy.AlternatingFirst, options.Policy.AlternatingSecond) is var hint && hint > highest)
        {
            AddFault($"a hint of the alternating policy is {hint}, {end}",
                options.Policy.AlternatingFirst == hint ? "Policy:AlternatingFirst" : "Policy:AlternatingSecond", "Hints:Encoding");
        }

        foreach (var (first, second) in Conflicts(options))
        {
            AddFault($"{first.Name} and {second.Name} are both {first.Path}; each needs a path of its own", second.Key, first.Key);
        }

        foreach (var (key, text) in options.Telemetry.Faults())
        {
            AddFault(text, key, "Telemetry:KeyFile");
        }

        return options;
    }

    /// <summary>A fault of settings that are good each by itself, at the first of them that was made anywhere.</summary>
    private void AddFault(string text, params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (_faulty.Contains(key))
            {
                return;
            }
        }

        foreach (var key in keys)
        {
            if (_places.TryGetValue(key, out var place))
            {
                Faults.Add($"{place}: {text}");
                return;
            }
        }

        Faults.Add(text);
    }

    private static IEnumerable<(SettingPath First, SettingPath Second)> Conflicts(AgentOptions options)
    {
        var hints = options.Hints.Path;
        var (state, stateKey) = options.State.Path.Length > 0
            ? (options.State.Path, "State:Path")
            : (Path.Combine(Path.GetDirectoryName(options.Control.Path)!, StateOptions.FileName), "Control:Path");
        var status = StatusFile.PathBeside(options.Control.Path);
        var sequences = options.Telemetry.KeyFile.Length > 0 ? SenderSequences.PathIn(Path.GetDirectoryName(state)!) : "";
        SettingPath[] paths =
        [
            new("the region", "Hints:Path", hints), new("its draft", "Hints:Path", Ownership.DraftOf(hints)),
            new("its lock", "Hints:Path", Path.Combine(Path.GetDirectoryName(hints)!, HintOptions.LockName)),
            new("the socket", "Registration:Path", options.Registration.Path), new("the FIFO", "Control:Path", options.Control.Path),
            new("the state", stateKey, state), new("its draft", stateKey, Ownership.DraftOf(state)),
            new("its lock", stateKey, Path.Combine(Path.GetDirectoryName(state)!, StateOptions.LockName)),
            new("the status", "Control:Path", status), new("its draft", "Control:Path", Ownership.DraftOf(status)),
            new("the sequences of senders", "Telemetry:KeyFile", sequences), new("their draft", "Telemetry:KeyFile", Ownership.DraftOf(sequences)),
            new("the metrics", "Metrics:TextFile", options.Metrics.TextFile),
            new("their draft", "Metrics:TextFile", Ownership.DraftOf(options.Metrics.TextFile)),
        ];
        var same = from i in Enumerable.Range(0, paths.Length)
                   from j in Enumerable.Range(i + 1, paths.Length - i - 1)
                   where paths[i].Path.Length > 0 && paths[i].Path == paths[j].Path
                   select (paths[i], paths[j]);

        // Where two files are one, so are their drafts.
        return same.DistinctBy(pair => (pair.Item1.Key, pair.Item2.Key));
    }

    private void ReadFile(string? path)
    {
        // A settings file that is there and cannot be reached is a fault too.
        if (path is null && FileStatus.Of(DefaultFile) is null && Marshal.GetLastPInvokeError() is NoSuchFile or NotADirectory)
        {
            return;
        }

        path ??= DefaultFile;
        if (path.Length == 0)
        {
            Faults.Add($"{(CheckedFile is null ? CommandLine.FileOption : CommandLine.CheckOption)}: expected a path, got ''");
            return;
        }

        try
        {
            // Looked at before it is opened: a FIFO would wait, a device never end.
            if (FileStatus.OfTarget(path) is { } found && (found.Type != UnixFileType.Regular || found.Size > LargestFile))
            {
                Faults.Add($"{path}: expected a regular file of at most {LargestFile} bytes");
                return;
            }

            using var text = new StreamReader(path);
            foreach (var line in IniFile.Read(text))
            {
                var where = $"{path}:{line.Number}";
                if (line.Fault is { } fault)
                {
                    if (line.Key is { } key)
                    {
                        _faulty.Add(key);
                        where += $": {DescribeKey(key)}";
                    }

                    Faults.Add($"{where}: {fault}");
                    continue;
                }

                SetNamed(Setting.All.FirstOrDefault(s => s.Key.Equals(line.Key, StringComparison.OrdinalIgnoreCase)), line.Value,
                    $"{where}: {DescribeKey(line.Key!)}");
            }
        }
        catch (UnauthorizedAccessException)
        {
            Faults.Add($"{path}: user {Environment.UserName} may not read it; its directory needs mode 0755, and it 0644");
        }
        catch (Exception fault) when (fault is IOException or ArgumentException or NotSupportedException)
        {
            Faults.Add($"{path}: {fault.Message}");
        }
    }

    private void ReadEnvironment(IDictionary environment)
    {
        foreach (var name in environment.Keys.Cast<string>().Where(name => name.StartsWith(VariablePrefix, StringComparison.Ordinal)).Order())
        {
            if (name != FileVariable)
            {
                SetNamed(Setting.All.FirstOrDefault(setting => setting.Variable == name), (string?)environment[name] ?? "", name);
            }
        }
    }

    /// <summary>The plugin's own variables are the last to be asked: a setting of the agent goes over them, an empty one too.</summary>
    private void SetUnlessSet(string key, string variable, IDictionary environment)
    {
        if (!_values.ContainsKey(key) && environment[variable] is string { Length: > 0 } text)
        {
            Set(Setting.All.Single(setting => setting.Key == key), text, variable);
        }
    }

    private void SetNamed(Setting? setting, string text, string where)
    {
        if (setting is null)
        {
            Faults.Add($"{where}: there is no such setting");
        }
        else
        {
            Set(setting, text, where);
        }
    }

    private void Set(Setting setting, string text, string where)
    {
        if (setting.Fault(text) is { } fault)
        {
            Faults.Add($"{where}: {fault}, got '{text}'");
            _faulty.Add(setting.Key);
        }

        _values[setting.Key] = text;
        _places[setting.Key] = where;
    }

    /// <summary>A key as it stands in the file: [Section] Key.</summary>
    public static string DescribeKey(string key) =>
        key.LastIndexOf(':') is var colon and >= 0 ? $"[{key[..colon]}] {key[(colon + 1)..]}" : $"{key} (outside any section)";

    /// <summary>A path that the agent needs for itself, and the setting it comes from.</summary>
    private sealed record SettingPath(string Name, string Key, string Path);
}
