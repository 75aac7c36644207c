using System.Text.Json;

namespace MpibAgent.AcceptanceTests;

/// <summary>The journal of the service from one moment on, as journalctl gives it to an operator who filters by field.</summary>
internal sealed class Journal
{
    private readonly SystemdMachine _machine;
    private readonly string _since;

    private Journal(SystemdMachine machine, string since) => (_machine, _since) = (machine, since);

    public static async Task<Journal> FromNowAsync(SystemdMachine machine) =>
        new(machine, await machine.ShellAsync("date +@%s.%6N"));

    /// <summary>Waits until there are so many entries with these fields (FIELD=value), and returns them.</summary>
    public async Task<IReadOnlyList<Dictionary<string, string>>> EntriesAsync(int count, params string[] fields)
    {
        string[] words = ["journalctl", "--unit=mpib-agent", $"--since={_since}", "--output=json", .. fields];
        var lines = await Wait.UntilAsync(async () => (await _machine.RunAsync(words)).Text, text => Lines(text).Length >= count,
            $"{count} entries with {string.Join(' ', fields)}");
        return [.. Lines(lines).Select(Parse)];
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    // Fields that are not text come as arrays of bytes; of a field that is there twice, all values come.
    private static Dictionary<string, string> Parse(string line)
    {
        using var entry = JsonDocument.Parse(line);
        return entry.RootElement.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.ToString());
    }
}
