using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using MpibAgent.Logging;

namespace MpibAgent.Tests.Logging;

/// <summary>deploy/mpib-agent.catalog, which explains each event to journalctl -x, against the events of the code.</summary>
public sealed partial class CatalogTests
{
    private static readonly (int Id, string Name, string Template)[] Events =
    [
        .. typeof(Log).GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>()
            .Select(message => (message.EventId, message.EventName!, message.Message)),
        (LeftOut.EventId, "log-lines-left-out", "{Count} {Reason}"),
    ];

    private static readonly string Catalog = File.ReadAllText(Checkout.Path("deploy", "mpib-agent.catalog"));

    private static readonly Match[] Entries = [.. EntryPattern().Matches(Catalog).Cast<Match>()];

    public static TheoryData<string> Names => [.. Events.Select(message => message.Name)];

    [Fact]
    public void Every_event_has_one_entry_and_every_entry_an_event()
    {
        Assert.Equal(Events.Length, Events.Select(message => message.Id).Distinct().Count());
        Assert.Equal(Events.OrderBy(message => message.Id).Select(message => $"{message.Name} {JournalEntry.MessageId(message.Id)}"),
            Entries.Select(entry => $"{entry.Groups["name"]} {entry.Groups["id"]}"));
        Assert.Equal(Entries.Length, Catalog.Split('\n').Count(line => line.StartsWith("-- ", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_entry_has_a_subject_an_explanation_and_what_to_do(string name)
    {
        var entry = Entries.Single(entry => entry.Groups["name"].Value == name);
        Assert.InRange(entry.Groups["subject"].Length, 5, 80);
        var paragraphs = entry.Groups["text"].Value.Trim().Split("\n\n");
        Assert.True(paragraphs.Length >= 2, entry.Value);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_entry_quotes_only_fields_that_its_event_has(string name)
    {
        var template = Events.Single(message => message.Name == name).Template;
        var fields = PlaceholderPattern().Matches(template).Select(match => Field(match.Groups[1].Value)).ToHashSet();
        var entry = Entries.Single(entry => entry.Groups["name"].Value == name);
        Assert.All(FieldPattern().Matches(entry.Value), quoted => Assert.Contains(quoted.Groups[1].Value, fields));
    }

    private static string Field(string property)
    {
        Span<byte> name = stackalloc byte[JournalFieldName.MaxLength];
        Assert.True(JournalFieldName.TryWrite(property, name, out var length));
        return Encoding.ASCII.GetString(name[..length]);
    }

    [GeneratedRegex(@"^# (?<name>[a-z0-9-]+)\n-- (?<id>[0-9a-f]{32})\nSubject: (?<subject>.+)\nDefined-By: mpib-agent\nDocumentation: man:mpib-agent\(8\)\n\n(?<text>(?:(?!# |-- ).*\n)+)", RegexOptions.Multiline)]
    private static partial Regex EntryPattern();

    [GeneratedRegex(@"\{([A-Za-z]+)(?::[^}]*)?\}")]
    private static partial Regex PlaceholderPattern();

    [GeneratedRegex("@([A-Z_]+)@")]
    private static partial Regex FieldPattern();
}
