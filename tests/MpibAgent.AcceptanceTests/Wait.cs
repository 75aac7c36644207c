using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MpibAgent.AcceptanceTests;

/// <summary>Waits for a condition, generously: a slow machine makes a test slow, not red.</summary>
internal static class Wait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static Task UntilAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string? what = null) =>
        UntilAsync(condition, done => done, what);

    /// <summary>Looks until what it sees is as expected, and returns it.</summary>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> expected,
        [CallerArgumentExpression(nameof(expected))] string? what = null)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var seen = await look();
            if (expected(seen))
            {
                return seen;
            }

            Assert.True(watch.Elapsed < Limit, $"did not come true: {what}; last seen: {seen}");
            await Task.Delay(Pause, TestContext.Current.CancellationToken);
        }
    }
}
