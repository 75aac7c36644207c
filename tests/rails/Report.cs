using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>The table of results, as it is printed and as it stands in doc/policies.md.</summary>
internal static class Report
{
    private const string Begin = "<!-- real rails: begin; written by dotnet run --project tests/rails -- --write -->";
    private const string End = "<!-- real rails: end -->";

    public static string Table(IReadOnlyList<Result> results)
    {
        var table = new StringWriter(CultureInfo.InvariantCulture);
        table.WriteLine("| case | policy | goodput, Mbit/s | of the optimum | least | of the hand | back after a fall, s | back after a rise, s |");
        table.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var group in results.GroupBy(result => (result.Case.Name, Policy: result.Steering.Name)))
        {
            var ofOptimum = group.Select(result => result.Recording.OfOptimum).ToArray();
            var hand = results.Where(result => result.Case.Name == group.Key.Name && result.Steering.Name == Steering.HandName)
                .Select(result => result.Recording.OfOptimum).ToArray();
            var returns = group.SelectMany(result => result.Recording.Returns()).ToArray();
            table.WriteLine($"| {group.Key.Name} | {group.Key.Policy} | {Median(group.Select(result => result.Recording.GoodputMbit)):0.0} "
                + $"| {Median(ofOptimum):0.0%} | {ofOptimum.Min():0.0%} | {(hand.Length == 0 ? "" : $"{Median(ofOptimum) / Median(hand):0.0%}")} "
                + $"| {Back(returns, isDown: true)} | {Back(returns, isDown: false)} |");
        }

        return table.ToString();
    }

    /// <summary>Replaces the marked block of a document, or adds it at the end.</summary>
    public static void Write(string document, IReadOnlyList<Result> results, Settings settings)
    {
        var text = File.Exists(document) ? File.ReadAllText(document) : "# Policies\n";
        var block = $"{Begin}\n\n{Head(settings)}\n{Table(results)}\n{Pictures(results)}\n{End}\n";
        var begin = text.IndexOf("<!-- real rails: begin", StringComparison.Ordinal);
        var end = text.IndexOf(End, StringComparison.Ordinal);
        File.WriteAllText(document, begin >= 0 && end > begin
            ? text[..begin] + block + text[(end + End.Length)..].TrimStart('\n')
            : text.TrimEnd('\n') + "\n\n" + block);
    }

    private static string Head(Settings settings) => $"""
        100 Mbit/s on SOUT, 300 on SUP where a case says nothing else; messages of 128 KiB, 8 outstanding, over TCP; encoding {settings.Encoding};
        the agent samples every {settings.PeriodMs} ms and knows 0.1 and 0.3 Gbit/s as the rates of the links. The optimum is the sum of what the rails
        carry, headers included, while there is something to send; the first second counts for nothing. "Back" is the time until two windows of 300 ms in
        a row reach 90 % of the new optimum, the worst of the changes. Median of {settings.Rounds} {(settings.Rounds == 1 ? "round" : "rounds")}; "least" is the worst of them.
        The hand is an operator who knows every change at once. What is outstanding on a rail that dies waits for it, whatever the hint says, so nobody gets
        back before it does.
        
        """;

    private static string Pictures(IReadOnlyList<Result> results) => string.Join('\n', results.Select(result => result.Case).DistinctBy(@case => @case.Name)
        .Select(@case => $"**{@case.Name}**: {@case.What}\n\n![{@case.Name}](pictures/rails-{@case.Name}.svg)\n"));

    private static string Back((bool IsDown, double? Seconds)[] returns, bool isDown)
    {
        var of = returns.Where(one => one.IsDown == isDown).ToArray();
        return of.Length == 0 ? "" : of.Any(one => one.Seconds is null) ? "never" : of.Max(one => one.Seconds!.Value).ToString("0.00", CultureInfo.InvariantCulture);
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
