using System.Collections;
using Microsoft.Extensions.Logging;
using MpibAgent.Policy;

namespace MpibAgent;

/// <summary>
/// Reads the settings again while the agent runs. Those of [Policy] change at once; what else differs is named in the log and takes a restart.
/// A fault anywhere changes nothing. On the loop's thread.
/// </summary>
internal sealed class SettingsReload(string[] arguments, SettingsReader read, PolicyEngine engine, ILogger<SettingsReload> log)
{
    private const string LiveSection = "Policy:";

    private IReadOnlyDictionary<string, string?> _values = read.Values;

    /// <summary>Reads and applies them.</summary>
    public void Run(IDictionary environment)
    {
        var again = new SettingsReader();
        if (again.Read(arguments, environment) is not { } options)
        {
            again.Faults.ForEach(fault => Log.SettingFault(log, fault));
            Log.ReloadRefused(log, again.Faults.Count);
            return;
        }

        var changed = Setting.All.Select(setting => setting.Key)
            .Where(key => again.Values.GetValueOrDefault(key) != _values.GetValueOrDefault(key)).ToLookup(key => key.StartsWith(LiveSection, StringComparison.Ordinal));
        Log.Reloaded(log, Names(changed[true]), Names(changed[false]));

        // Also when nothing has changed: a command may have put another in charge since.
        if (changed[true].Any() || options.Policy.Name != engine.PolicyName)
        {
            engine.Use(options.Policy);
        }

        // What waits for a restart goes on differing from what is in force, and is named at every reload until then.
        _values = Setting.All.ToDictionary(setting => setting.Key,
            setting => (setting.Key.StartsWith(LiveSection, StringComparison.Ordinal) ? again.Values : _values).GetValueOrDefault(setting.Key));
    }

    private static string Names(IEnumerable<string> keys) => string.Join(", ", keys.Select(SettingsReader.DescribeKey)) is { Length: > 0 } names ? names : "nothing";
}
