using System.Globalization;
using System.Text.Json;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>The real agent, a reader that mapped the region at the very first, and the models that say what the agent must know.</summary>
internal sealed class ChaosRig : IAsyncDisposable
{
    /// <summary>So many slots may be used at once: fewer than there are flows, so that registrations are refused now and then.</summary>
    public const int SlotLimit = 12;

    private readonly Dictionary<int, ChaosClient> _clients = [];
    private readonly Random _random;
    private ChaosClient? _reader;
    private string? _inode;
    private readonly List<uint> _setHints = [];
    private uint _marker;
    private (int Fewest, int Most) _expected;

    private ChaosRig(AgentFiles files, KeptAgent agent, bool held, int seed, bool shares)
    {
        (Files, Agent, IsHeld, _random) = (files, agent, held, new Random(seed));
        Connections = new ConnectionModel(SlotLimit) { SharedSlot = shares ? RegionFile.Slots - 1 : null };
    }

    public AgentFiles Files { get; }

    public KeptAgent Agent { get; }

    /// <summary>Whether socket and FIFO outlive the agent, as with socket units.</summary>
    public bool IsHeld { get; }

    public ConnectionModel Connections { get; }

    public HintModel Hints { get; } = new();

    /// <summary>The region as it was at the last check.</summary>
    public SlotBytes[] Region { get; private set; } = [];

    /// <summary>The hints of <see cref="BeginHintAsync"/>, in its order.</summary>
    public IReadOnlyList<uint> SetHints => _setHints;

    /// <summary>Hint reads by the reader that never stops.</summary>
    public long Reads { get; private set; }

    public IEnumerable<ChaosClient> Clients => _clients.Values;

    /// <summary>A rig whose agent serves; with <paramref name="shares"/> flows beyond the limit share a slot.</summary>
    public static async Task<ChaosRig> StartAsync(SystemdMachine machine, bool held, int seed, bool shares = false)
    {
        var files = new AgentFiles();
        var agent = await KeptAgent.MakeAsync(machine, files, held,
            ["--slots-per-user", SlotLimit.ToString(CultureInfo.InvariantCulture), "--overflow", shares ? "share" : "refuse"]);
        var rig = new ChaosRig(files, agent, held, seed, shares);
        try
        {
            await agent.StartAsync();
            rig._reader = await ChaosClient.StartAsync(files, rig.Connections);
            Assert.Equal("ok", await rig._reader.AskAsync("watch"));
            rig._inode = await rig._reader.AskAsync("inode");
            return rig;
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }
    }

    public async Task<ChaosClient> AddClientAsync(bool keepsSocket = false)
    {
        var client = await ChaosClient.StartAsync(Files, Connections, keepsSocket);
        _clients.Add(client.Pid, client);
        return client;
    }

    /// <summary>Takes a client that has ended off the list.</summary>
    public async Task RemoveClientAsync(ChaosClient client)
    {
        _clients.Remove(client.Pid);
        await client.DisposeAsync();
    }

    /// <summary>Remembers what the next agent has to know. Clients that were to die have died; requests under way may count or not.</summary>
    public void BeforeStart() => _expected = Connections.Count;

    /// <summary>After a start, with no request and no command under way: nothing is lost, nothing is back, nobody is stuck.</summary>
    /// <param name="noneIsLost">Whether every command must have acted.</param>
    public async Task CheckAsync(bool noneIsLost = false)
    {
        CheckFirstStatus();
        Connections.Open();
        await CheckReaderAsync();
        CheckRegion(noneIsLost);
        foreach (var client in _clients.Values)
        {
            await SettleAsync(client);
        }

        CheckRegion();
    }

    /// <summary>The region is as what was acknowledged and commanded since the last look allows.</summary>
    public void CheckRegion(bool noneIsLost = false)
    {
        Region = RegionFile.Read(Files.Hints);
        Connections.CheckRegion(Region);
        Hints.Look(Region, Connections.AnchoredSlots, noneIsLost);
        Connections.Anchor();
    }

    /// <summary>Sets the hint of a slot, or of all, to one that was never set before, and sees it act.</summary>
    public async Task SetHintAsync(int? slot)
    {
        var hint = await BeginHintAsync(slot);
        Assert.Equal("ok", await _reader!.AskAsync($"wait-hint {slot ?? (RegionFile.Slots - 1)} {hint}"));
        Hints.Confirm(slot, hint);
    }

    /// <summary>Sets the hint of a slot, or of all, to one that was never set before; when it acts is open.</summary>
    public async Task<uint> BeginHintAsync(int? slot)
    {
        var (line, _, hint) = Hints.NextFor(slot);
        Hints.Begin(slot, hint);
        _setHints.Add(hint);
        Assert.Equal("ok", await _reader!.AskAsync($"command {line}"));
        return hint;
    }

    /// <summary>Gives back what was set for a slot, or for all, and returns the hint that comes of it; when it acts is open.</summary>
    public async Task<uint> BeginAutoAsync(int? slot)
    {
        const uint Initial = 1;
        Hints.Begin(slot, Initial);
        Assert.Equal("ok", await _reader!.AskAsync(slot is null ? "command all auto" : $"command {slot} auto"));
        return Initial;
    }

    /// <summary>
    /// What the agent has said when it had started: the initial hint and whether it is pinned; of each slot that is not as at first its number, its flow, its
    /// hint and who set it.
    /// </summary>
    public string HintsAndSources()
    {
        using var status = JsonDocument.Parse(File.ReadAllBytes(Files["status.json"]));
        var hints = status.RootElement.GetProperty("hints");
        var slots = status.RootElement.GetProperty("slots").EnumerateArray().Select(slot =>
        {
            var flow = slot.GetProperty("source").GetString() is { } source ? $"flow {source.Split('.')[^1]}" : "free";
            return $"; {slot.GetProperty("slot")} {flow} {slot.GetProperty("hint")} {slot.GetProperty("setBy").GetString()}";
        });
        return $"{hints.GetProperty("initial")}{(hints.GetProperty("initialPinned").GetBoolean() ? " pinned" : "")}{string.Concat(slots)}";
    }

    /// <summary>Nothing is in doubt any more: the agent says that it knows exactly what it has acknowledged.</summary>
    public Task CheckCountAsync()
    {
        var (fewest, most) = Connections.Count;
        Assert.Equal(fewest, most);
        return Agent.StatusAsync(Region.Count(slot => !slot.IsFree && !slot.IsShared) + Connections.SharingFlows(Region), fewest);
    }

    /// <summary>With the clients gone nothing is left; then everything can be had again, and the first reader still reads the region.</summary>
    public async Task CheckEndAsync()
    {
        foreach (var client in _clients.Values.ToList())
        {
            await client.DieAsync();
            await RemoveClientAsync(client);
        }

        await Agent.StatusAsync(0, 0);
        Assert.All(RegionFile.Read(Files.Hints), slot => Assert.True(slot.IsFree));

        var last = await AddClientAsync();
        for (var i = 0; i < SlotLimit; i++)
        {
            Assert.Equal(i, (await last.RegisterAsync((uint)i, i))!.Single().Slot);
        }

        await CheckReaderAsync();
        Assert.Equal(_inode, (await Command.RunAsync(["stat", "-c", "%d:%i", Files.Hints])).Text);
        Assert.DoesNotContain("set aside", Agent.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("moved to", Agent.Log, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients.Values)
        {
            await client.DisposeAsync();
        }

        if (_reader is not null)
        {
            await _reader.DisposeAsync();
        }

        await Agent.DisposeAsync();
        Files.Dispose();
    }

    /// <summary>What the new agent has said at first, before anybody could correct it.</summary>
    private void CheckFirstStatus()
    {
        var (flows, connections) = Agent.Statuses[0];
        Assert.True(connections >= _expected.Fewest && connections <= _expected.Most,
            $"the agent came back with {connections} connections, expected {_expected.Fewest} to {_expected.Most}");
        Assert.InRange(flows, 0, Connections.SharedSlot is null ? SlotLimit : SlotLimit + connections);
        if (!IsHeld)
        {
            // Nobody could ask it for anything before it said so.
            Connections.Learn(connections);
        }
    }

    /// <summary>The reader that mapped the region before all this sees a hint that is set now, and has never seen a wrong one.</summary>
    private async Task CheckReaderAsync()
    {
        Assert.Equal("ok", await _reader!.AskAsync($"command {HintModel.MarkerSlot} {++_marker}"));
        Assert.Equal("ok", await _reader.AskAsync($"wait-hint {HintModel.MarkerSlot} {_marker}"));
        var words = (await _reader.AskAsync("seen")).Split(' ', 5);
        Assert.True(words[3] == "0", $"a reader saw {words[4]}");
        Reads = long.Parse(words[1], CultureInfo.InvariantCulture);
        Assert.InRange(uint.Parse(words[2], CultureInfo.InvariantCulture), 0u, Hints.Highest);
    }

    /// <summary>
    /// Asks for some of what is acknowledged again, which must come to the same slot, and for one or the other where there is doubt. Only some, since
    /// to ask again would also mend what was lost.
    /// </summary>
    private async Task SettleAsync(ChaosClient client)
    {
        foreach (var (name, connection) in client.Connections)
        {
            if (connection.IsInDoubt && _random.Next(2) == 0)
            {
                await client.DeregisterAsync(name);
            }
            else if (connection.IsInDoubt || _random.Next(8) == 0)
            {
                var slot = connection.Slot;
                var flow = connection.Flow ?? Enumerable.Range(0, 64).First(connection.MayHave);
                var reply = (await client.RegisterAsync(name, flow))!.Single();
                Assert.True(slot < 0 || reply.Slot == slot, $"asked again, was told {reply.Word}: {connection}, had slot {slot}");
                if (reply.Kind == ReplyKind.Status)
                {
                    // No slot to be had, and nothing changed.
                    await client.DeregisterAsync(name);
                }
            }
        }
    }
}
