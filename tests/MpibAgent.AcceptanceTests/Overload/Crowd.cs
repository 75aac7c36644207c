using System.Globalization;
using MpibAgent.AcceptanceTests.Chaos;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>What a flood came to (crowd.c).</summary>
/// <param name="Requests">All of them.</param>
/// <param name="Certain">Connections that are registered for all that the agent has said.</param>
/// <param name="Doubtful">Connections that may be.</param>
/// <param name="Refused">Requests that found nobody to connect to.</param>
/// <param name="Lost">Requests without a reply.</param>
/// <param name="Wrong">The first outcome that no agent should give; empty when there was none.</param>
internal sealed record Flood(int Requests, int Certain, int Doubtful, int Refused, int Lost, string Wrong);

/// <summary>Many clients in one process.</summary>
internal sealed class Crowd : IAsyncDisposable
{
    private readonly LineProcess _process;

    private Crowd(LineProcess process) => _process = process;

    public static async Task<Crowd> StartAsync(AgentFiles files) => new(new LineProcess(await CProgram.Crowd.PathAsync(), files.Socket));

    /// <summary>Has threads register, move and deregister as fast as they can until <see cref="RestAsync"/>.</summary>
    public Task FloodAsync(int threads) => ExpectAsync("ok", $"flood {threads}");

    /// <summary>Waits until the flood has made so many requests more.</summary>
    public async Task RequestsAsync(int more)
    {
        var before = (await NumbersAsync("count"))[0];
        await Wait.UntilAsync(async () => (await NumbersAsync("count"))[0] - before, made => made >= more);
    }

    public async Task<Flood> RestAsync()
    {
        var words = (await AskAsync("rest")).Split(' ', 6);
        var numbers = words.Take(5).Select(Number).ToArray();
        return new Flood(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], words[5]);
    }

    /// <summary>Registers again what is certain; returns how many there were, and how many were told another slot.</summary>
    public async Task<(int Certain, int Wrong)> ConfirmAsync() =>
        await NumbersAsync("confirm") is [var certain, var wrong] ? (certain, wrong) : default;

    /// <summary>Opens sockets and leaves them silent, with half a header sent, or deaf.</summary>
    public Task StallAsync(string kind, int count) => ExpectAsync($"{count}", $"stall {kind} {count}");

    /// <summary>Sends requests with descriptors attached, each of which must be turned away.</summary>
    public Task SendDescriptorsAsync(int count) => ExpectAsync($"{count}", $"rights {count}");

    /// <summary>Starts processes that register a connection each.</summary>
    public async Task<(int Registered, int Refused, int Failed)> StartProcessesAsync(int count) =>
        await NumbersAsync($"processes {count}") is [var registered, var refused, var failed] ? (registered, refused, failed) : default;

    /// <summary>Closes the stalled sockets and ends the processes.</summary>
    public Task LeaveAsync() => ExpectAsync("ok", "leave");

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task ExpectAsync(string expected, string line) => Assert.Equal(expected, await AskAsync(line));

    private async Task<int[]> NumbersAsync(string line) => [.. (await AskAsync(line)).Split(' ').Select(Number)];

    private async Task<string> AskAsync(string line) =>
        await _process.AskAsync(line) ?? throw new InvalidOperationException($"the crowd ended at '{line}'");

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);
}
