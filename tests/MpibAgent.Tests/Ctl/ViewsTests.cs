using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class ViewsTests
{
    private static readonly SlotReport[] Slots =
    [
        new(0, "10.0.0.1", "10.0.0.2", 1, 50, "policy", 2, 75, [], 0, 1),
        new(1, "10.0.0.1", "10.0.0.3", 4294967295, 100, "operator", 128, 3723, [], 0, 1),
    ];

    [Fact]
    public void Slots_at_the_width_that_they_need_are_whole()
    {
        foreach (var columns in Enumerable.Range(51, 50))
        {
            var lines = Views.Slots(Slots, columns, unicode: true, withProcesses: false).Select(line => line.ToString()).ToList();
            Assert.All(lines, line => Assert.True(line.Length <= columns));
            Assert.All(lines, line => Assert.DoesNotContain("…", line, StringComparison.Ordinal));
        }
    }
}
