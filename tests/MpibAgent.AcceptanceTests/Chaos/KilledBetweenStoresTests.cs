using Xunit.Sdk;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// The agent is killed after its first store to region or state file in the course of a change, after its second, and so on to the last: what chance
/// would hardly meet is tried in full. Whether the change was made is open, as long as nobody was told; that it was made by half never is.
/// </summary>
public sealed class KilledBetweenStoresTests(SystemdMachine machine, ITestOutputHelper output)
{
    private const int StoresInFull = 24;
    private const int Stride = 97;

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_change_is_made_or_not_and_what_was_told_holds(string change)
    {
        var faults = new List<string>();
        var stores = 0;
        for (var isDone = false; !isDone;)
        {
            // A change of all slots has hundreds of stores, all alike.
            stores += stores < StoresInFull ? 1 : Stride;
            await using var rig = await ChaosRig.StartAsync(machine, held: false, seed: stores, SmallChange.All[change].Shares);
            try
            {
                isDone = await KillAsync(rig, SmallChange.All[change], stores);
                await CheckAsync(rig, SmallChange.All[change]);
            }
            catch (XunitException fault)
            {
                faults.Add($"killed after store {stores}: {fault.Message}");
            }
        }

        output.WriteLine($"{stores - 1} stores");
        Assert.True(stores > 1, "nothing was stored");
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    public static TheoryData<string> Changes => [.. SmallChange.All.Keys];

    /// <summary>True when the change was complete before so many stores were made.</summary>
    private static async Task<bool> KillAsync(ChaosRig rig, SmallChange change, int stores)
    {
        var client = await rig.AddClientAsync();
        await WarmUpAsync(client);
        await change.PrepareAsync(rig, client);
        rig.CheckRegion();
        await using var stepper = await Stepper.HoldAsync(rig, stores);
        var isDone = await change.MakeAsync(rig, client);
        return !await stepper.EndAsync(kill: isDone);
    }

    /// <summary>What runs for the first time takes ten times the steps.</summary>
    private static async Task WarmUpAsync(ChaosClient client)
    {
        await client.RegisterAsync(1, flow: 30, count: 2);
        await client.RegisterAsync(1, flow: 31);
        await client.DeregisterAsync(1, count: 2);
    }

    private static async Task CheckAsync(ChaosRig rig, SmallChange change)
    {
        rig.BeforeStart();
        await rig.Agent.StartAsync();
        if (change.Outcomes is { } outcomes)
        {
            Assert.Contains(rig.HintsAndSources(), outcomes(rig));
        }

        await rig.CheckAsync();
        await rig.CheckCountAsync();
        await rig.CheckEndAsync();
    }
}
