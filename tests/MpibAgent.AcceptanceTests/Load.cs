namespace MpibAgent.AcceptanceTests;

/// <summary>Four jobs of two users at once. They take slots below <see cref="FirstUnusedSlot"/>.</summary>
internal sealed class Load(AcceptanceTest test, int cutsAllowed = 0) : IAsyncDisposable
{
    public const int FirstUnusedSlot = 16;

    private const int RoundsToGoOn = 100;

    private readonly Job[] _jobs = [.. Enumerable.Range(0, 4)
        .Select(number => new Job(test.Client(number % 2 == 0 ? "alice" : "bob"), number, cutsAllowed))];

    /// <summary>Runs until something else is done, which fails when a job does.</summary>
    public async Task RunWhileAsync(Task something)
    {
        var isOver = false;
        var jobs = Task.WhenAll(_jobs.Select(job => job.RunAsync(() => isOver)));
        await Task.WhenAny(something, jobs);
        isOver = true;
        await Task.WhenAll(jobs, something);
    }

    /// <summary>Waits until some more has been registered.</summary>
    public async Task GoOnAsync()
    {
        var enough = _jobs.Sum(job => job.Rounds) + RoundsToGoOn;
        await Wait.UntilAsync(() => Task.FromResult(_jobs.Sum(job => job.Rounds)), rounds => rounds >= enough);
    }

    /// <summary>The agent knows what the jobs keep, no less and no more, and each flow has the slot that its jobs were told.</summary>
    public async Task VerifyAsync()
    {
        var slots = _jobs.SelectMany(job => job.Slots).Distinct().ToList();
        var connections = _jobs.Sum(job => job.Connections);
        Assert.Equal(slots.Count, slots.DistinctBy(slot => slot.Key).Count());
        Assert.True(connections > 0);
        await test.StatusTextAsync($"policy manual, {slots.Count} flows, {connections} connections");

        await using var reader = test.Client("bob");
        foreach (var (flow, answer) in slots)
        {
            var entry = await reader.AskAsync(answer.Replace("ok", "entry", StringComparison.Ordinal));
            Assert.EndsWith($" {flow}", entry, StringComparison.Ordinal);
        }

        // What counted twice, or for another process, would be left over.
        await Task.WhenAll(_jobs.Select(job => job.RegisterAgainAsync()));
        await Task.WhenAll(_jobs.Select(job => job.DeregisterAsync()));
        await test.StatusTextAsync(AcceptanceTest.Idle);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var job in _jobs)
        {
            await job.DisposeAsync();
        }
    }
}
