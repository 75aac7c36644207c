using System.Text.Json;
using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

/// <summary>A scenario file that cannot be used; the message names the file and the key.</summary>
internal sealed class ScenarioException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Reads scenarios: strictly, since a key that is spelled wrong would otherwise leave a scenario easier than its name says.</summary>
internal static class ScenarioFile
{
    private static readonly JsonSerializerOptions _options = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        Converters = { new ProfileConverter(), new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <summary>Where the scenarios are that come with the simulator.</summary>
    public static string Supplied { get; } = Path.Combine(AppContext.BaseDirectory, "scenarios");

    /// <summary>Reads every scenario of a directory, in the order of their file names.</summary>
    public static IEnumerable<Scenario> ReadAll(string directory)
    {
        try
        {
            var files = Directory.GetFiles(directory, "*.json");
            return files.Length > 0 ? files.Order(StringComparer.Ordinal).Select(Read) : throw new ScenarioException($"{directory}: there is no *.json in it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ScenarioException($"{directory}: {e.Message}", e);
        }
    }

    public static Scenario Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ScenarioException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Reads a scenario's text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="name">What errors call it.</param>
    public static Scenario Parse(string json, string name)
    {
        try
        {
            var scenario = JsonSerializer.Deserialize<Scenario>(json, _options) ?? throw new ScenarioException($"{name}: expected an object, got null");
            var faults = ScenarioFaults.Of(scenario).ToList();
            return faults.Count == 0 ? scenario : throw new ScenarioException(string.Join('\n', faults.Select(fault => $"{name}: {fault}")));
        }
        catch (JsonException e)
        {
            // No path where the whole object is at fault, and the message names the keys.
            throw new ScenarioException($"{name}: {(e.Path is { Length: > 2 } path ? $"{path[2..]}: " : "")}{e.Message}", e);
        }
    }
}
