namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// Rounds of traffic, a death of the agent, and a check of the next one. Everything that is drawn comes from the seed: the same seed gives the same
/// schedule, though not the same instants.
/// </summary>
internal sealed class ChaosRun(ChaosRig rig, int seed)
{
    private const int ClientCount = 10;
    private const int QuietClients = 2;

    private readonly Random _random = new(seed);
    private readonly ChaosTraffic _traffic = new(rig);
    private List<ChaosClient> _clients = [];

    /// <summary>Deaths by SIGKILL.</summary>
    public int Kills { get; private set; }

    /// <summary>Ends by SIGTERM.</summary>
    public int Stops { get; private set; }

    /// <summary>Client processes that died or left.</summary>
    public int Deaths { get; private set; }

    /// <summary>Commands of hints.</summary>
    public uint Commands => rig.Hints.Highest - 1;

    /// <summary>One round.</summary>
    public async Task RoundAsync()
    {
        await FillUpAsync();
        var traffic = _traffic.Begin([.. _clients.Skip(QuietClients)], _random.Next());
        var isKill = _random.Next(10) != 0;
        await (isKill ? KillAsync() : StopAsync());
        await LoseClientsAsync();
        if (_random.Next(4) == 0)
        {
            RegionFile.Break(rig.Files.Hints, _random.Next(ChaosRig.SlotLimit), _random.Next(2) == 0, _random.Next(2) == 0);
        }

        rig.BeforeStart();
        while (_random.Next(6) == 0)
        {
            isKill = true;
            await KillWhileStartingAsync();
        }

        await rig.Agent.StartAsync();
        await traffic;
        await BuryAsync();
        Assert.True(isKill || _traffic.Losses == 0 || !rig.IsHeld, $"{_traffic.Losses} requests were lost over a stop");
        Assert.True(_traffic.Refusals == 0 || !rig.IsHeld, $"{_traffic.Refusals} requests found nobody listening");
        await rig.CheckAsync(noneIsLost: rig.IsHeld && !isKill);
        if (_random.Next(10) == 0)
        {
            await rig.CheckCountAsync();
        }
    }

    /// <summary>Clients that have left are replaced. The first are jobs that just go on: what they register stays.</summary>
    private async Task FillUpAsync()
    {
        while (_clients.Count < ClientCount)
        {
            var client = await rig.AddClientAsync(keepsSocket: _random.Next(3) == 0);
            if (_clients.Count < QuietClients)
            {
                for (var name = 0u; name < 2; name++)
                {
                    await client.RegisterAsync(name, ChaosTraffic.DrawFlow(_random));
                }
            }

            _clients.Add(client);
        }
    }

    private async Task KillAsync()
    {
        Kills++;
        if (_random.Next(10) < 6)
        {
            _traffic.Murder(rig.Agent.Pid, _random);
        }
        else
        {
            await Task.Delay(TimeSpan.FromMilliseconds(_random.NextDouble() * 50), TestContext.Current.CancellationToken);
            await rig.Agent.SignalAsync(Signals.Kill);
        }

        Assert.Equal("signal 9", await rig.Agent.EndAsync());
        _traffic.End();
    }

    private async Task StopAsync()
    {
        Stops++;
        await Task.Delay(TimeSpan.FromMilliseconds(_random.NextDouble() * 50), TestContext.Current.CancellationToken);
        await rig.Agent.StopAsync();
        _traffic.End();
    }

    private async Task KillWhileStartingAsync()
    {
        Kills++;
        await rig.Agent.LaunchAsync();
        await Task.Delay(TimeSpan.FromMilliseconds(_random.NextDouble() * 15), TestContext.Current.CancellationToken);
        await rig.Agent.SignalAsync(Signals.Kill);
        Assert.Equal("signal 9", await rig.Agent.EndAsync());
    }

    /// <summary>Some die while no agent is there to see it, besides those that died in the traffic.</summary>
    private async Task LoseClientsAsync()
    {
        await _traffic.DeathsAsync();
        for (var count = _random.Next(3); count > 0; count--)
        {
            var left = _clients.Skip(QuietClients).Where(client => !client.IsGone).ToArray();
            if (left.Length > 0)
            {
                // In the middle of a request, where the socket is held: it goes on waiting there.
                await left[_random.Next(left.Length)].DieAsync();
            }
        }

    }

    private async Task BuryAsync()
    {
        foreach (var gone in _clients.Where(client => client.IsGone))
        {
            Deaths++;
            await rig.RemoveClientAsync(gone);
        }

        _clients = [.. _clients.Where(client => !client.IsGone)];
    }
}
