using System.Runtime.CompilerServices;

namespace MpibAgent.Tests;

/// <summary>Waits for a condition, generously: a slow machine makes a test slow, not red.</summary>
internal static class Wait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static void Until(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? what = null) =>
        Assert.True(SpinWait.SpinUntil(condition, Limit), $"did not come true: {what}");
}
