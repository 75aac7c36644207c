using System.Globalization;
using MpibAgent.AcceptanceTests.Chaos;
using MpibAgent.RealRails;

namespace MpibAgent.AcceptanceTests;

/// <summary>
/// The agent as it is shipped steers real TCP traffic over two shaped rails; tests/rails has the long form, and the figures that these
/// floors keep a distance from, since a machine that does other things meanwhile costs some.
/// </summary>
public sealed class RealRailsTests(SystemdMachine machine, ITestOutputHelper output)
{
    private const double HandFloor = 0.85;
    private const double AdaptiveFloor = 0.75;

    [Fact]
    public async Task Over_shaped_rails_the_policy_stays_close_to_what_they_can_carry()
    {
        Prerequisites.Require();
        using var files = new AgentFiles();
        await using var log = new StringWriter(CultureInfo.InvariantCulture);
        try
        {
            // A program of the machine's does not find itself when it is run out here.
            File.Copy(machine.Outside($"{SystemdMachine.Source}/mpib-agent"), files.Binary);
            var results = await new Bench(Settings.ShortForm(files.Binary), log).RunAsync(TestContext.Current.CancellationToken);
            await log.WriteLineAsync($"\n{Report.Table(results)}");
            Assert.Contains(results, result => result.Steering.Name == Steering.HandName);
            Assert.Contains(results, result => result.Steering.Name == "adaptive");
            Floor(results, Steering.HandName, HandFloor);
            Floor(results, "adaptive", AdaptiveFloor);
        }
        finally
        {
            output.WriteLine(log.ToString());
        }
    }

    private static void Floor(List<Result> results, string policy, double floor) =>
        Assert.All(results.Where(result => result.Steering.Name == policy), result => Assert.True(result.Recording.OfOptimum >= floor,
            string.Create(CultureInfo.InvariantCulture, $"{result.Case.Name}, {policy}: {result.Recording.OfOptimum:0.0%} of the optimum, expected {floor:0%}")));
}
