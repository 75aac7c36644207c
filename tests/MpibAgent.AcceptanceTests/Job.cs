namespace MpibAgent.AcceptanceTests;

/// <summary>
/// A client that registers and deregisters without a pause, keeps some of what it registers, and knows what it was answered. Of the flows
/// that it keeps, it shares some with other jobs; a flow of its own comes and goes with every other round.
/// </summary>
internal sealed class Job(Plugin plugin, int number, int cutsAllowed) : IAsyncDisposable
{
    private const int KeptFlows = 5;
    private const int KeepsEvery = 8;

    private readonly List<(int ConnId, string Flow, string Answer)> _kept = [];
    private readonly Dictionary<string, string> _slots = [];
    private int _cuts;

    /// <summary>How often it has registered.</summary>
    public int Rounds { get; private set; }

    /// <summary>Connections that it keeps.</summary>
    public int Connections => _kept.Count;

    /// <summary>Flows of the connections that it keeps, and the slot of each as it was answered.</summary>
    public IReadOnlyDictionary<string, string> Slots => _slots;

    /// <summary>Goes on until told to stop. A refusal is a failure, and so is another slot than before for a flow that it keeps.</summary>
    public async Task RunAsync(Func<bool> isOver)
    {
        for (var i = 1; !isOver(); i++)
        {
            var keeps = i % KeepsEvery == 0;
            var flow = i % 2 == 0
                ? $"10.0.{number / 2}.1 10.0.{number / 2}.{2 + (i / KeepsEvery % KeptFlows)}"
                : $"10.1.{number}.1 10.1.{number}.2";
            var answer = await AskAsync($"register {i} {flow}");
            Assert.StartsWith("ok ", answer, StringComparison.Ordinal);
            Assert.Equal(_slots.GetValueOrDefault(flow, answer), answer);
            Rounds++;
            if (keeps)
            {
                _kept.Add((i, flow, answer));
                _slots[flow] = answer;
            }
            else
            {
                Assert.Equal("ok", await AskAsync($"deregister {i}"));
            }
        }
    }

    /// <summary>Registers again what it keeps: nothing new to the agent.</summary>
    public async Task RegisterAgainAsync()
    {
        foreach (var (connId, flow, answer) in _kept)
        {
            Assert.Equal(answer, await AskAsync($"register {connId} {flow}"));
        }
    }

    /// <summary>Deregisters what it keeps.</summary>
    public async Task DeregisterAsync()
    {
        foreach (var (connId, _, _) in _kept)
        {
            Assert.Equal("ok", await AskAsync($"deregister {connId}"));
        }
    }

    public ValueTask DisposeAsync() => plugin.DisposeAsync();

    // Whether an agent that was killed before it answered had done what was asked, nobody knows: it is asked again.
    private async Task<string> AskAsync(string question)
    {
        while (true)
        {
            var answer = await plugin.AskAsync(question);
            if (answer is not ("error ECONNRESET" or "error EPIPE") || _cuts == cutsAllowed)
            {
                return answer;
            }

            _cuts++;
        }
    }
}
