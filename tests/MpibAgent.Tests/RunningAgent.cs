using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Metrics;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Registration;
using MpibAgent.Slots;
using MpibAgent.Status;
using MpibAgent.Systemd;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests;

/// <summary>
/// The agent's components in this process, wired and started as Program.cs does it, on files of its own. Peers are this process or children of
/// the test.
/// </summary>
internal sealed class RunningAgent : IAsyncDisposable
{
    private readonly IHostedService[] _services;
    private readonly TestLifetime _lifetime = new();
    private readonly bool _ownsDirectory;
    private readonly StateFile _state;
    private readonly ProcessWatch _processes;
    private readonly RailReader _rails;
    private readonly StatusFile _status;
    private readonly MetricsFile _metricsFile;
    private readonly ISplitPolicy? _policy;
    private bool _stopped;

    public RunningAgent(TempDirectory? directory = null, ISplitPolicy? policy = null, Action<AgentOptions>? configure = null)
    {
        _ownsDirectory = directory is null;
        Files = directory ?? new TempDirectory();
        Options.Hints.Path = Files["hints"];
        Options.Registration.Path = Files["agent.sock"];
        Options.Control.Path = Files["control"];
        configure?.Invoke(Options);

        var inherited = new InheritedDescriptors();
        Loop = new EventLoop(TimeProvider.System, _lifetime, Log.For<EventLoop>());
        Region = new HintRegion(Options.Hints, Log.For<HintRegion>());
        _state = new StateFile(Options.State, Options.Control, Options.Hints, Log.For<StateFile>());
        Table = new SlotTable(Region, _state, Options.Hints, Options.Limits, Loop, Log.For<SlotTable>());
        _processes = new ProcessWatch(Loop, Table, Options.Limits, Log.For<ProcessWatch>());
        var registrar = new Registrar(Table, _processes, Loop, Log.For<Registrar>());
        Listener = new RegistrationListener(Options.Registration, Loop, registrar, _processes, inherited, Log.For<RegistrationListener>());
        _rails = new RailReader(new RailPair(Options.Rails, TimeProvider.System, Log.For<RailPair>()), Loop, Log.For<RailPair>());
        Levels = new PathLevelTable(Options.Telemetry, Loop);
        Policies = new PolicyCatalogue(Options.Policy, Options.Hints);
        Engine = new PolicyEngine(Policies, Options.Hints, Loop, Table, _rails, Levels, Log.For<PolicyEngine>());
        _policy = policy;
        var control = new ControlFifo(Options.Control, Options.Hints, Loop, Table, Engine, inherited, Log.For<ControlFifo>());
        _status = new StatusFile(Options.Control, Options.Hints, Options.Registration, Options.Rails, Loop, Region, Table, Engine, Log.For<StatusFile>());
        Metrics = new AgentMetrics(Loop, Options.Hints, Table, registrar, Listener, Engine, control, _status);
        _metricsFile = new MetricsFile(Options.Metrics, Loop, Table, registrar, Engine, control, _rails, () => Metrics, Log.For<MetricsFile>());
        _services = [Loop, Region, Table, _processes, Listener, Engine, control, _status, _metricsFile];
    }

    public AgentOptions Options { get; } = new();

    public TempDirectory Files { get; }

    public CapturedLog Log { get; } = new();

    public EventLoop Loop { get; }

    public HintRegion Region { get; }

    public SlotTable Table { get; }

    public RegistrationListener Listener { get; }

    public PolicyCatalogue Policies { get; }

    public PolicyEngine Engine { get; }

    public PathLevelTable Levels { get; }

    public AgentMetrics Metrics { get; }

    public static async Task<RunningAgent> StartAsync(TempDirectory? directory = null, ISplitPolicy? policy = null,
        Action<AgentOptions>? configure = null)
    {
        var agent = new RunningAgent(directory, policy, configure);
        try
        {
            foreach (var service in agent._services)
            {
                await service.StartAsync(CancellationToken.None);
            }

            await agent.Loop.StartedAsync(CancellationToken.None);

            if (agent._policy is { } given)
            {
                await agent.Loop.InvokeAsync(() => agent.Engine.Use(given));
            }
        }
        catch
        {
            await agent.DisposeAsync();
            throw;
        }

        return agent;
    }

    /// <summary>What gets through a gate of 20 lines in 10 s.</summary>
    public static int MostComplaintsIn(TimeSpan time) => 20 * ((int)(time.TotalSeconds / 10) + 1);

    public AgentClient Connect() => new(Options.Registration.Path, TimeSpan.FromSeconds(60));

    public Socket ConnectRaw()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000, SendTimeout = 60_000 };
        socket.Connect(new UnixDomainSocketEndPoint(Options.Registration.Path));
        return socket;
    }

    public HintReader Reader() => new(Options.Hints.Path);

    /// <summary>A look at something that belongs to the loop's thread, taken there.</summary>
    public T OnLoop<T>(Func<T> look)
    {
        T result = default!;
        Loop.InvokeAsync(() => result = look()).Wait();
        return result;
    }

    public void WaitUntil(Func<bool> condition) => Wait.Until(() => OnLoop(condition));

    public async Task StopAsync()
    {
        if (!_stopped)
        {
            _stopped = true;
            foreach (var service in _services.Reverse())
            {
                await service.StopAsync(CancellationToken.None);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _metricsFile.Dispose();
        Metrics.Dispose();
        _status.Dispose();
        Listener.Dispose();
        _processes.Dispose();
        _rails.Dispose();
        _state.Dispose();
        Region.Dispose();
        Loop.Dispose();
        _lifetime.Dispose();
        if (_ownsDirectory)
        {
            Files.Dispose();
        }
    }
}
