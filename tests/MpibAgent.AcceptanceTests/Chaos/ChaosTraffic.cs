namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>What clients and an operator do at the same time, until the agent is gone: a task for each, each with numbers of its own.</summary>
internal sealed class ChaosTraffic(ChaosRig rig)
{
    private const int Flows = 16;
    private const int Names = 12;

    private readonly Lock _gate = new();
    private readonly List<Task> _deaths = [];
    private volatile bool _isOver;
    private volatile Plan? _murder;
    private int _losses;
    private int _refusals;

    /// <summary>Requests in this round that were sent by clients as the plugin is one, and got no reply.</summary>
    public int Losses => _losses;

    /// <summary>Requests in this round that found nobody to connect to.</summary>
    public int Refusals => _refusals;

    public static int DrawFlow(Random random) => random.Next(Flows);

    /// <summary>Begins a round. The task ends when every request has had its end, after <see cref="End"/>.</summary>
    public Task Begin(ChaosClient[] clients, int seed)
    {
        (_isOver, _losses, _refusals) = (false, 0, 0);
        _deaths.Clear();
        return Task.WhenAll([CommandAsync(new Random(seed)), .. clients.Select((client, i) => Task.Run(() => ActAsync(client, new Random(seed + 1 + i))))]);
    }

    /// <summary>The agent has ended: nobody begins anything more.</summary>
    public void End()
    {
        _isOver = true;
        _murder = null;
        rig.Connections.Close();
    }

    /// <summary>Has one of the next requests kill the agent while it is at it, or right after its answer.</summary>
    public void Murder(int agent, Random random)
    {
        // Most within what a request takes, some later.
        var whenAnswered = random.Next(4) == 0;
        var nanoseconds = (int)(Math.Pow(random.NextDouble(), 3) * (whenAnswered ? 20_000 : 200_000));
        _murder = new Plan(agent, random.Next(300), whenAnswered, nanoseconds);
    }

    /// <summary>Waits for those who are about to die in this round.</summary>
    public Task DeathsAsync()
    {
        lock (_gate)
        {
            return Task.WhenAll(_deaths);
        }
    }

    private async Task ActAsync(ChaosClient client, Random random)
    {
        var mayDie = random.Next(8) == 0;
        while (!_isOver && !client.IsGone)
        {
            if (_murder is { } murder && murder.IsNow())
            {
                await client.MurderAtNextRequestAsync(murder.Agent, murder.WhenAnswered, murder.Nanoseconds);
                mayDie = false;
            }

            if (mayDie && random.Next(60) == 0)
            {
                await DieAsync(client, random);
            }
            else if (await RequestAsync(client, random) is { } replies)
            {
                Count(client, replies);
            }
        }
    }

    private async Task DieAsync(ChaosClient client, Random random)
    {
        Task death;
        lock (_gate)
        {
            // Those who wait for the deaths do so after the end.
            if (_isOver)
            {
                return;
            }

            death = random.Next(3) switch
            {
                0 => client.DieAskingAsync((uint)random.Next(Names), DrawFlow(random)),
                1 => client.DieAsync(),
                _ => client.LeaveAsync(),
            };
            _deaths.Add(death);
        }

        await death;
    }

    private async Task<Reply[]?> RequestAsync(ChaosClient client, Random random)
    {
        var name = (uint)random.Next(Names);
        switch (random.Next(20))
        {
            case < 9:
                return await client.RegisterAsync(name, DrawFlow(random));
            case < 16:
                return await client.DeregisterAsync(name);
            case 16:
                return await client.RegisterAsync(100, DrawFlow(random), random.Next(2, 64));
            case 17:
                return await client.DeregisterAsync(100, random.Next(2, 64));
            default:
                await ReadHintAsync(client);
                return null;
        }
    }

    private async Task ReadHintAsync(ChaosClient client)
    {
        var slot = client.Connections.Where(entry => entry.Connection.IsRegistered).Select(entry => entry.Connection.Slot).FirstOrDefault();
        if (await client.ReadHintAsync(slot) is { } hint)
        {
            Assert.True(rig.Hints.CanBe(slot, hint), $"slot {slot}: {hint} was never set");
        }
    }

    private void Count(ChaosClient client, Reply[] replies)
    {
        if (!client.KeepsSocket)
        {
            Interlocked.Add(ref _losses, replies.Count(reply => reply.Kind is ReplyKind.InDoubt or ReplyKind.NotSent));
            Interlocked.Add(ref _refusals, replies.Count(reply => reply.Kind == ReplyKind.NotAsked));
        }
    }

    /// <summary>The operator: a command, now and then a look whether it has acted; and some when nobody is there to read them.</summary>
    private async Task CommandAsync(Random random)
    {
        await using var shell = await ChaosClient.StartAsync(rig.Files, rig.Connections);
        var late = 0;
        while (!_isOver || late++ < (rig.IsHeld ? 3 : 0))
        {
            var (line, slot, hint) = rig.Hints.Next();
            rig.Hints.Begin(slot, hint);
            if (await shell.AskAsync($"command {line}") != "ok")
            {
                rig.Hints.Cancel(slot, hint);
            }
            else if (random.Next(4) == 0 && await HasActedAsync(slot, hint))
            {
                rig.Hints.Confirm(slot, hint);
            }
        }
    }

    private async Task<bool> HasActedAsync(int? slot, uint hint)
    {
        for (var tries = 0; tries < 50 && !_isOver; tries++)
        {
            // A command for all has done its last slot last.
            if (RegionFile.Read(rig.Files.Hints)[slot ?? (RegionFile.Slots - 1)].Hint == hint)
            {
                return true;
            }

            await Task.Yield();
        }

        return false;
    }

    /// <summary>A plan to kill the agent at the request of that number.</summary>
    private sealed record Plan(int Agent, int Requests, bool WhenAnswered, int Nanoseconds)
    {
        private int _requests = Requests;

        public bool IsNow() => Interlocked.Decrement(ref _requests) == -1;
    }
}
