namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>One thing that happens to an agent, and what has to be there before.</summary>
/// <param name="PrepareAsync">What has to be there.</param>
/// <param name="MakeAsync">Makes it happen; true when it is known to be complete, false when the agent ended.</param>
/// <param name="Shares">Whether flows beyond the limit share a slot.</param>
/// <param name="Outcomes">What the next agent may say of hints and who set them, as <see cref="ChaosRig.HintsAndSources"/> has it; null for what the models say alone.</param>
internal sealed record SmallChange(Func<ChaosRig, ChaosClient, Task> PrepareAsync, Func<ChaosRig, ChaosClient, Task<bool>> MakeAsync, bool Shares = false,
    Func<ChaosRig, string[]>? Outcomes = null)
{
    public static readonly Dictionary<string, SmallChange> All = new()
    {
        ["a new flow"] = Request((_, _) => Task.CompletedTask, client => client.RegisterAsync(1, flow: 1)),
        ["a new flow in a slot with a hint"] = Request((rig, _) => rig.SetHintAsync(0), client => client.RegisterAsync(1, flow: 1)),
        ["a second connection"] = Request(HasConnections(1), client => client.RegisterAsync(2, flow: 1)),
        ["several at once"] = Request((_, _) => Task.CompletedTask, client => client.RegisterAsync(1, flow: 1, count: 3)),
        ["the last connection leaves"] = Request(HasConnections(1), client => client.DeregisterAsync(1)),
        ["one of two leaves"] = Request(HasConnections(2), client => client.DeregisterAsync(1)),
        ["two leave at once"] = Request(HasConnections(2), client => client.DeregisterAsync(1, count: 2)),
        ["a move to a new flow"] = Request(HasConnections(1), client => client.RegisterAsync(1, flow: 5)),
        ["a move that leaves others"] = Request(HasConnections(2), client => client.RegisterAsync(1, flow: 5)),
        ["a move to the flow of others"] = Request(HasFlows(2), client => client.RegisterAsync(1, flow: 2)),
        ["a move with all slots taken"] = Request(HasFlows(ChaosRig.SlotLimit), client => client.RegisterAsync(1, flow: 20)),
        ["a flow is the first to share"] = Sharing([], client => client.RegisterAsync(20, flow: 20)),
        ["a flow shares with another"] = Sharing([20], client => client.RegisterAsync(21, flow: 21)),
        ["a connection joins its flow that shares"] = Sharing([20, 21], client => client.RegisterAsync(40, flow: 21)),
        ["the last flow that shares leaves"] = Sharing([20], client => client.DeregisterAsync(20)),
        ["one of two flows that share leaves"] = Sharing([20, 21], client => client.DeregisterAsync(20)),
        ["a move to another flow that shares"] = Sharing([20], client => client.RegisterAsync(20, flow: 21)),
        ["a move out of the shared slot"] = Sharing([20], client => client.RegisterAsync(20, flow: 1)),
        ["a move into the shared slot"] = Sharing([20, 1], client => client.RegisterAsync(1, flow: 22)),
        ["one more than the state file holds"] = Request(HasConnections(1024), client => client.RegisterAsync(2000, flow: 1)),
        ["a process ends"] = new(HasFlows(2), async (rig, client) =>
        {
            await client.DieAsync();
            return await UntilAsync(rig, region => region.All(slot => slot.IsFree));
        }),
        ["a hint"] = Command(HasConnections(1), slot: 0, rig => [$"1; 0 flow 1 {rig.SetHints[0]} operator", $"1; 0 flow 1 {rig.SetHints[1]} operator"]),
        ["a hint where none was set"] = Command((_, client) => client.RegisterAsync(1, flow: 1), slot: 0,
            rig => ["1; 0 flow 1 1 initial", $"1; 0 flow 1 {rig.SetHints[0]} operator"]),
        ["a hint for all"] = Command(HasConnections(1), slot: null,
            rig => [$"1; 0 flow 1 {rig.SetHints[0]} operator", $"{rig.SetHints[1]} pinned; 0 flow 1 {rig.SetHints[1]} operator"]),
        ["auto"] = Auto(HasConnections(1), slot: 0, rig => [$"1; 0 flow 1 {rig.SetHints[0]} operator", "1; 0 flow 1 1 initial"]),
        ["auto for all"] = Auto(HasAllAndOne, slot: null,
            rig => [$"{rig.SetHints[0]} pinned; 0 flow 1 {rig.SetHints[1]} operator", "1; 0 flow 1 1 initial"]),
        ["the last connection leaves a slot that has another hint than all"] = Request(HasAllAndOne, client => client.DeregisterAsync(1)) with
        {
            Outcomes = rig => [$"{rig.SetHints[0]} pinned; 0 flow 1 {rig.SetHints[1]} operator", $"{rig.SetHints[0]} pinned"],
        },
        ["a move with all slots taken out of a slot with a hint"] = Request(HasFlows(ChaosRig.SlotLimit), client => client.RegisterAsync(1, flow: 20)) with
        {
            Outcomes = rig =>
            {
                var others = string.Concat(Enumerable.Range(1, ChaosRig.SlotLimit - 1).Select(slot => $"; {slot} flow {slot + 1} 1 initial"));
                return [$"1; 0 flow 1 {rig.SetHints[0]} operator{others}", $"1; 0 flow 20 1 initial{others}"];
            },
        },
    };

    private static SmallChange Request(Func<ChaosRig, ChaosClient, Task> prepare, Func<ChaosClient, Task<Reply[]?>> request) =>
        new(prepare, async (_, client) => (await request(client))!.All(reply => reply.Kind == ReplyKind.Done));

    /// <summary>With every slot of the limit taken, and one connection more for each flow that is named.</summary>
    private static SmallChange Sharing(int[] flows, Func<ChaosClient, Task<Reply[]?>> request) => Request(
        async (rig, client) =>
        {
            await HasFlows(ChaosRig.SlotLimit)(rig, client);
            foreach (var flow in flows)
            {
                await client.RegisterAsync((uint)(flow > ChaosRig.SlotLimit ? flow : flow + 100), flow);
            }
        },
        request) with
    { Shares = true };

    private static Func<ChaosRig, ChaosClient, Task> HasConnections(int count) => async (rig, client) =>
    {
        for (var first = 1; first <= count; first += 128)
        {
            await client.RegisterAsync((uint)first, flow: 1, int.Min(128, count - first + 1));
        }

        await rig.SetHintAsync(0);
    };

    private static Func<ChaosRig, ChaosClient, Task> HasFlows(int count) => async (rig, client) =>
    {
        for (var flow = 1; flow <= count; flow++)
        {
            await client.RegisterAsync((uint)flow, flow);
        }

        await rig.SetHintAsync(0);
    };

    private static async Task HasAllAndOne(ChaosRig rig, ChaosClient client)
    {
        await rig.SetHintAsync(null);
        await client.RegisterAsync(1, flow: 1);
        await rig.SetHintAsync(0);
    }

    private static SmallChange Command(Func<ChaosRig, ChaosClient, Task> prepare, int? slot, Func<ChaosRig, string[]> outcomes) =>
        new(prepare, async (rig, client) => await ActsAsync(rig, client, slot, await rig.BeginHintAsync(slot)), Outcomes: outcomes);

    private static SmallChange Auto(Func<ChaosRig, ChaosClient, Task> prepare, int? slot, Func<ChaosRig, string[]> outcomes) =>
        new(prepare, async (rig, client) => await ActsAsync(rig, client, slot, await rig.BeginAutoAsync(slot)), Outcomes: outcomes);

    // The hint is there to be seen before the agent is through with the command, or held after it; the answer to a request that follows is not.
    private static async Task<bool> ActsAsync(ChaosRig rig, ChaosClient client, int? slot, uint hint) =>
        await UntilAsync(rig, region => region[slot ?? (RegionFile.Slots - 1)].Hint == hint)
            && (await client.RegisterAsync(1, flow: 1))!.All(reply => reply.Kind == ReplyKind.Done);

    private static async Task<bool> UntilAsync(ChaosRig rig, Func<SlotBytes[], bool> condition)
    {
        await Wait.UntilAsync(() => Task.FromResult(rig.Agent.HasEnded || condition(RegionFile.Read(rig.Files.Hints))));
        return !rig.Agent.HasEnded;
    }
}
