using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using MpibAgent.Interface;
using MpibAgent.Metrics;
using MpibAgent.Policy;
using MpibAgent.Tests.Rails;

namespace MpibAgent.Tests.Metrics;

/// <summary>The names, against Prometheus' conventions and against what refers to them. `promtool check metrics` says more, and is no dependency of this suite.</summary>
public sealed partial class MetricNameTests
{
    [Fact]
    public async Task Names_and_the_text_follow_the_conventions_of_Prometheus()
    {
        var text = await WriteAllAsync();
        var types = new Metric(text).Types;
        Assert.Equal(types.Count, types.Select(metric => metric.Name).Distinct().Count());
        Assert.All(types, metric => Assert.Equal(metric.Type == "counter", metric.Name.EndsWith("_total", StringComparison.Ordinal)));
        Assert.All(types, metric => Assert.Matches("^mpib_agent_[a-z]+(_[a-z]+)*$", metric.Name));
        Assert.All(types, metric => Assert.DoesNotMatch("_(gauge|counter|histogram|count|sum|bucket|milliseconds|percent|ms)(_|$)", metric.Name));

        string? current = null;
        foreach (var line in text.Split('\n')[..^1])
        {
            if (HelpPattern().Match(line) is { Success: true } help)
            {
                current = help.Groups[1].Value;
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Assert.StartsWith($"# TYPE {current} ", line, StringComparison.Ordinal);
            }
            else
            {
                Assert.Matches($"^{current}(_bucket|_sum|_count)?" + """(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? [0-9.E+-]+$""", line);
            }
        }

        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\r", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("grafana-dashboard.json")]
    [InlineData("alerts.yml")]
    public async Task What_is_shown_and_alerted_on_exists(string file)
    {
        var types = new Metric(await WriteAllAsync()).Types;
        var known = types.SelectMany(metric => metric.Type == "histogram" ? [metric.Name + "_bucket", metric.Name + "_sum", metric.Name + "_count"] : new[] { metric.Name }).ToHashSet();
        var named = NamePattern().Matches(File.ReadAllText(Checkout.Path("deploy", file))).Select(match => match.Value).ToHashSet();
        Assert.NotEmpty(named);
        Assert.Subset(known, named);
    }

    [Fact]
    public async Task The_manual_lists_every_metric()
    {
        var manual = File.ReadAllText(Checkout.Path("doc", "operations.md"));
        Assert.All(new Metric(await WriteAllAsync()).Types, metric => Assert.Contains($"`{metric.Name}`", manual, StringComparison.Ordinal));
    }

    /// <summary>With rails and a flow, so that nothing is absent.</summary>
    private static async Task<string> WriteAllAsync()
    {
        using var sysfs = new SysfsRig();
        await using var agent = await RunningAgent.StartAsync(configure: options =>
            (options.Rails.Sout, options.Rails.Sup, options.Rails.SysRoot) = ("mlx5_0", "mlx5_1", sysfs.Options.SysRoot));
        using var text = new TextExposition(agent.Metrics, () => { });
        using var client = agent.Connect();
        client.Register(1, Ipv4Address.Parse("10.0.0.1"), Ipv4Address.Parse("10.0.0.2"));
        var output = new ArrayBufferWriter<byte>();
        var seen = new TaskCompletionSource<Observation>();
        await agent.Loop.InvokeAsync(() => agent.Engine.Rails.Ask(TimeSpan.FromHours(1), found => seen.SetResult(found.Sample)));
        var sample = await seen.Task;
        await agent.Loop.InvokeAsync(() =>
        {
            agent.Metrics.Seen = sample;
            text.Write(output);
        });
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    [GeneratedRegex("^# HELP ([a-z_]+) [A-Z].*[.]$")]
    private static partial Regex HelpPattern();

    [GeneratedRegex("mpib_agent_[a-z_]+")]
    private static partial Regex NamePattern();
}
