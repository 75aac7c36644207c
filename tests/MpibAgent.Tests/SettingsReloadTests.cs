using System.Collections;
using MpibAgent.Slots;

namespace MpibAgent.Tests;

/// <summary>A reload of a real file, and of the environment, on the loop of a running agent.</summary>
public sealed class SettingsReloadTests : IAsyncLifetime
{
    private readonly TempDirectory _files = new();
    private readonly Hashtable _environment = [];
    private RunningAgent? _agent;
    private SettingsReload? _reload;

    private RunningAgent Agent => _agent!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_agent is not null)
        {
            await _agent.DisposeAsync();
        }

        _files.Dispose();
    }

    [Fact]
    public async Task A_policy_of_the_file_takes_charge()
    {
        await StartAsync("[Policy]\nName = manual\n");
        Reload("[Policy]\nName = capacity\nPeriodMs = 10\n");
        Assert.Equal("capacity", Agent.Engine.PolicyName);
        Assert.Equal("settings read again: [Policy] Name, [Policy] PeriodMs changed; nothing waits for a restart", Agent.Log.Single("settings-reloaded"));
        Assert.Equal(10, Agent.Policies.Options.PeriodMs);
    }

    [Fact]
    public async Task Settings_of_the_policy_in_charge_apply_at_once()
    {
        await StartAsync("[Policy]\nName = alternating\nAlternatingMs = 1\nAlternatingFirst = 20\nAlternatingSecond = 30\n");
        using var client = Agent.Connect();
        client.Register(1, default, new(1));
        Agent.WaitUntil(() => Agent.Table.HintOf(0) == 30);
        Reload("[Policy]\nName = alternating\nAlternatingMs = 1\nAlternatingFirst = 40\nAlternatingSecond = 50\n");
        Agent.WaitUntil(() => Agent.Table.HintOf(0) == 40);
        Agent.WaitUntil(() => Agent.Table.HintOf(0) == 50);
        Assert.Equal(HintSource.Policy, Agent.OnLoop(() => Agent.Table.SourceOf(0)));
    }

    [Fact]
    public async Task A_setting_that_is_gone_is_the_default_again()
    {
        await StartAsync("[Policy]\nName = capacity\nPeriodMs = 10\n");
        Reload("");
        Assert.Equal(("manual", 5), (Agent.Engine.PolicyName, Agent.Policies.Options.PeriodMs));
    }

    [Fact]
    public async Task What_takes_a_restart_is_named_at_every_reload_until_then()
    {
        await StartAsync("[Hints]\nInitial = 1\n");
        for (var i = 0; i < 2; i++)
        {
            Reload("[Hints]\nInitial = 9\n[Registration]\nMaxPeers = 11\n");
        }

        Reload("[Hints]\nInitial = 1\n");
        Assert.Equal(
            [
                "settings read again: nothing changed; [Hints] Initial, [Registration] MaxPeers waits for a restart",
                "settings read again: nothing changed; [Hints] Initial, [Registration] MaxPeers waits for a restart",
                "settings read again: nothing changed; nothing waits for a restart",
            ],
            Told("settings-reloaded"));
        Assert.Equal(1u, Agent.Table.InitialHint);
    }

    [Fact]
    public async Task What_can_change_does_so_beside_what_waits()
    {
        await StartAsync("");
        Reload("[Hints]\nInitial = 9\n[Policy]\nName = adaptive\n");
        Assert.Equal("settings read again: [Policy] Name changed; [Hints] Initial waits for a restart", Agent.Log.Single("settings-reloaded"));
        Assert.Equal("adaptive", Agent.Engine.PolicyName);
    }

    [Fact]
    public async Task A_faulty_file_changes_nothing_and_every_fault_is_named()
    {
        await StartAsync("[Policy]\nName = capacity\n");
        Reload("[Policy]\nName = fastest\nPeriodMs = 1\nAlternatingMs = 7\n[Hints]\nColour = red\n");
        Assert.Equal("faults in the settings: 3; nothing changed", Agent.Log.Single("reload-refused"));
        var faults = Told("setting-fault");
        Assert.Equal(3, faults.Count);
        Assert.Contains($"{_files["agent.conf"]}:2: [Policy] Name: expected manual or alternating or capacity or adaptive, got 'fastest'", faults[0], StringComparison.Ordinal);
        Assert.Contains(":3: [Policy] PeriodMs: expected a whole number of 2 to 1000, got '1'", faults[1], StringComparison.Ordinal);
        Assert.Contains(":6: [Hints] Colour: there is no such setting", faults[2], StringComparison.Ordinal);
        Assert.Equal(("capacity", 1000), (Agent.Engine.PolicyName, Agent.Policies.Options.AlternatingMs));
        Assert.Equal(0, Agent.Log.Count("settings-reloaded"));

        // It is the next file that is compared with what is in force, not the faulty one.
        Reload("[Policy]\nName = capacity\nAlternatingMs = 7\n");
        Assert.Equal("settings read again: [Policy] AlternatingMs changed; nothing waits for a restart", Agent.Log.Single("settings-reloaded"));
    }

    [Fact]
    public async Task A_hint_beyond_the_encoding_is_a_fault_too()
    {
        await StartAsync("[Hints]\nEncoding = ppm1024\n");
        Reload("[Hints]\nEncoding = ppm1024\n[Policy]\nAlternatingFirst = 1025\n");
        Assert.Contains("1025, and encoding ppm1024 ends at 1024", Agent.Log.Single("setting-fault"), StringComparison.Ordinal);
        Assert.Equal(0u, Agent.Policies.Options.AlternatingFirst);
    }

    [Fact]
    public async Task A_file_that_has_gone_changes_nothing()
    {
        await StartAsync("[Policy]\nName = capacity\n");
        File.Delete(_files["agent.conf"]);
        Run();
        Assert.Equal("capacity", Agent.Engine.PolicyName);
        Assert.Contains(_files["agent.conf"], Agent.Log.Single("setting-fault"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_file_again_leaves_the_policy_at_its_work()
    {
        await StartAsync("[Policy]\nName = capacity\n");
        Reload("[Policy]\nName = capacity\n");
        Assert.Equal("settings read again: nothing changed; nothing waits for a restart", Agent.Log.Single("settings-reloaded"));
        Assert.Equal("policy capacity is in charge", Agent.Log.Single("policy-in-charge"));
    }

    [Fact]
    public async Task A_reload_takes_back_a_policy_that_a_command_has_put_in_charge()
    {
        await StartAsync("[Policy]\nName = capacity\n");
        await Agent.Loop.InvokeAsync(() => Agent.Engine.Use("manual"));
        Reload("[Policy]\nName = capacity\n");
        Assert.Equal("capacity", Agent.Engine.PolicyName);
    }

    [Fact]
    public async Task The_environment_and_the_command_line_go_over_the_file_as_at_the_start()
    {
        _environment["MPIB_AGENT_POLICY_PERIODMS"] = "20";
        await StartAsync("[Policy]\nPeriodMs = 10\n", "--policy", "capacity");
        Reload("[Policy]\nPeriodMs = 30\nName = adaptive\n");
        Assert.Equal(("capacity", 20), (Agent.Engine.PolicyName, Agent.Policies.Options.PeriodMs));
        Assert.Equal("settings read again: nothing changed; nothing waits for a restart", Agent.Log.Single("settings-reloaded"));
    }

    private async Task StartAsync(string file, params string[] arguments)
    {
        File.WriteAllText(_files["agent.conf"], file);
        string[] all = ["--config", _files["agent.conf"], .. arguments];
        var read = new SettingsReader();
        var settings = read.Read(all, _environment);
        Assert.True(settings is not null, string.Join('\n', read.Faults));
        _agent = await RunningAgent.StartAsync(_files, configure: options =>
        {
            (options.Hints.Initial, options.Hints.Encoding) = (settings.Hints.Initial, settings.Hints.Encoding);
            (options.Policy.Name, options.Policy.PeriodMs, options.Policy.AlternatingMs) =
                (settings.Policy.Name, settings.Policy.PeriodMs, settings.Policy.AlternatingMs);
            (options.Policy.AlternatingFirst, options.Policy.AlternatingSecond) = (settings.Policy.AlternatingFirst, settings.Policy.AlternatingSecond);
        });
        _reload = new SettingsReload(all, read, _agent.Engine, _agent.Log.For<SettingsReload>());
    }

    private void Reload(string file)
    {
        File.WriteAllText(_files["agent.conf"], file);
        Run();
    }

    private void Run() => Agent.Loop.InvokeAsync(() => _reload!.Run(_environment)).Wait();

    private List<string> Told(string eventName) => [.. Agent.Log.Lines.Where(line => line.Event == eventName).Select(line => line.Message)];
}
