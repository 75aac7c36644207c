namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// The agent is held after each single store that a change makes, as if it were stopped or preempted there for ever, and a reader in another process
/// reads every slot by the loop of the interface. For a hint nobody waits, wherever the agent stands. Addresses are another matter: the interface has
/// them written under an odd seq, so readers of that one slot spin, and nobody has been told that the slot is theirs yet.
/// </summary>
public sealed class HeldBetweenStoresTests(SystemdMachine machine, ITestOutputHelper output)
{
    private static readonly int[] None = [];
    private static readonly int[] Slot0 = [0];

    [Theory]
    [InlineData("a hint")]
    [InlineData("a hint for all")]
    [InlineData("a second connection")]
    [InlineData("one of two leaves")]
    public async Task Every_slot_is_read_at_the_first_try_wherever_the_agent_stands(string change)
    {
        await using var rig = await ChaosRig.StartAsync(machine, held: false, seed: 1);
        var (client, reader) = await PrepareAsync(rig, change);
        await using var stepper = await Stepper.HoldAfterEachAsync(rig);
        var making = SmallChange.All[change].MakeAsync(rig, client);
        var holds = 0;
        for (; await stepper.IsHeldAsync(making); holds++)
        {
            Assert.Equal((1, None), await reader.ReadAllAsync());
            await stepper.GoOnAsync();
        }

        Assert.True(await making);
        Assert.True(holds > 0, "the agent was never held");
        output.WriteLine($"held {holds} times");
    }

    [Theory]
    [InlineData("a new flow")]
    [InlineData("the last connection leaves")]
    public async Task Readers_of_a_slot_wait_while_its_addresses_are_half_written_and_all_others_do_not(string change)
    {
        await using var rig = await ChaosRig.StartAsync(machine, held: false, seed: 1);
        var (client, reader) = await PrepareAsync(rig, change);
        await using var stepper = await Stepper.HoldAfterEachAsync(rig);
        var making = SmallChange.All[change].MakeAsync(rig, client);
        var (holds, waits) = (0, 0);
        for (; await stepper.IsHeldAsync(making); holds++)
        {
            var (tries, spinning) = await reader.ReadAllAsync();
            Assert.Equal(1, tries);
            if (spinning.Length > 0)
            {
                waits++;
                Assert.Equal(Slot0, spinning);
                Assert.False(making.IsCompleted, "the reply was out before the entry was whole");
            }

            await stepper.GoOnAsync();
        }

        Assert.True(await making);
        Assert.Equal((1, None), await reader.ReadAllAsync());
        output.WriteLine($"held {holds} times, slot 0 waited in {waits}");

        // seq, then each address; the word makes it even again.
        Assert.Equal(3, waits);
    }

    [Fact]
    public async Task Readers_go_on_at_the_next_start_after_a_kill_in_the_middle_of_an_entry()
    {
        await using var rig = await ChaosRig.StartAsync(machine, held: false, seed: 1);
        var (client, reader) = await PrepareAsync(rig, "a new flow");
        await using (var stepper = await Stepper.HoldAfterEachAsync(rig))
        {
            var making = SmallChange.All["a new flow"].MakeAsync(rig, client);
            while (await stepper.IsHeldAsync(making) && (await reader.ReadAllAsync()).Spinning.Length == 0)
            {
                await stepper.GoOnAsync();
            }

            await stepper.KillAsync();
            Assert.False(await making);
        }

        Assert.Equal(Slot0, (await reader.ReadAllAsync()).Spinning);
        rig.BeforeStart();
        await rig.Agent.StartAsync();
        Assert.Equal((1, None), await reader.ReadAllAsync());
    }

    /// <summary>What the change needs beforehand, and a reader that does nothing else.</summary>
    private static async Task<(ChaosClient Client, ChaosClient Reader)> PrepareAsync(ChaosRig rig, string change)
    {
        var client = await rig.AddClientAsync();
        await SmallChange.All[change].PrepareAsync(rig, client);
        var reader = await rig.AddClientAsync();
        Assert.Equal((1, None), await reader.ReadAllAsync());
        return (client, reader);
    }
}
