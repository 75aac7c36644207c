using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MpibAgent;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Logging;
using MpibAgent.Metrics;
using MpibAgent.Policy;
using MpibAgent.Registration;
using MpibAgent.Slots;
using MpibAgent.Status;
using MpibAgent.Systemd;
using MpibAgent.Telemetry;

const int Stopped = 0, Failed = 1, BadSettings = 2;

ProcessStart.Prepare();
var settings = new SettingsReader();
AgentOptions options;
try
{
    if (settings.Read(args, Environment.GetEnvironmentVariables()) is not { } read)
    {
        settings.Faults.ForEach(Complain);
        return settings.Faults.Count == 0 ? Stopped : BadSettings;
    }

    if (settings.CheckedFile is { } file)
    {
        Console.WriteLine($"{file}: good");
        return Stopped;
    }

    options = read;
}
catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
{
    // What --help, --version or --check-config have to say finds no place: a full disk.
    Complain((fault.InnerException ?? fault).Message);
    return Failed;
}

// The empty builder: the default one watches the working directory, which is / under systemd, for appsettings.json.
var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "mpib-agent" });
builder.Services.AddAgentLog(options.Log).AddComponents(options);

var isService = NotifySocket.Path is not null;
if (isService)
{
    // Not AddSystemd(): it does nothing under ProtectProc=invisible (dotnet/runtime #125368).
    builder.Services.AddSystemdLifetime();
}

// A stop is a matter of half a second; what hangs in it must not keep systemd waiting.
builder.Services.AddSingleton(Options.Create(new HostOptions { ShutdownTimeout = TimeSpan.FromSeconds(5) }));

// It would start the host's listeners of metrics, of which there are none, and takes a fifth of the start to find that out.
builder.Services.RemoveAll<IStartupValidator>();

// They start in this order, on this thread, and systemd is told that we are ready when the last has and the loop's thread is there; they stop in the reverse of it.
builder.Services
    .AddHostedService(services => services.GetRequiredService<EventLoop>())
    .AddHostedService(services => services.GetRequiredService<HintRegion>())
    .AddHostedService(services => services.GetRequiredService<SlotTable>())
    .AddHostedService(services => services.GetRequiredService<ProcessWatch>())
    .AddHostedService(services => services.GetRequiredService<RegistrationListener>())
    .AddHostedService(services => services.GetRequiredService<PolicyEngine>())
    .AddHostedService(services => services.GetRequiredService<ControlFifo>())
    .AddHostedService(services => services.GetRequiredService<TelemetryListener>())
    .AddHostedService(services => services.GetRequiredService<TelemetryReporter>())
    .AddHostedService(services => services.GetRequiredService<StatusFile>())
    .AddHostedService(services => services.GetRequiredService<MetricsFile>())
    .AddHostedService(services => services.GetRequiredService<ServiceStatus>())
    .AddHostedService(services => services.GetRequiredService<Watchdog>());

using var host = builder.Build();
var log = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Agent");
var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
var loop = host.Services.GetRequiredService<EventLoop>();

var reload = new SettingsReload(args, settings, host.Services.GetRequiredService<PolicyEngine>(),
    host.Services.GetRequiredService<ILogger<SettingsReload>>());

// From systemd it means: read the settings again. In the foreground it is a closed terminal, a stop like any other.
using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
{
    signal.Cancel = true;
    if (lifetime.ApplicationStopping.IsCancellationRequested)
    {
        return;
    }

    if (isService)
    {
        loop.Post(() => reload.Run(Environment.GetEnvironmentVariables()));
    }
    else
    {
        lifetime.StopApplication();
    }
});

// Systemd's lifetime takes SIGTERM alone, that of the foreground both.
using var interrupt = !isService ? null : PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
{
    signal.Cancel = true;
    lifetime.StopApplication();
});
try
{
    PublishedFile.Clear(options.Metrics.TextFile);
    await host.StartAsync();
    MpibAgent.Log.AgentReady(log, ProgramLine.Version, options.Policy.Name);
    lifetime.ApplicationStopping.Register(() => MpibAgent.Log.AgentStopping(log));

    // What the start took is garbage now, and who sleeps never collects it.
    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    await host.WaitForShutdownAsync();
    return Environment.ExitCode;
}
catch (Exception fault)
{
    // What an operator can mend is one line; anything else is a bug, and says where.
    MpibAgent.Log.AgentFault(log, fault.Message, fault is Fault or IOException or UnauthorizedAccessException ? null : fault);
    try
    {
        await host.StopAsync();
    }
    catch (Exception second)
    {
        MpibAgent.Log.AgentFault(log, second.Message, null);
    }

    return Failed;
}

static void Complain(string fault)
{
    // For "journalctl -p err" (sd-daemon(3)). Not to journald's socket: what comes from there after our end, it does not know the unit of.
    var priority = JournalStream.IsConnected ? "<3>" : "";
    try
    {
        Console.Error.WriteLine($"{priority}mpib-agent: {fault}");
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException)
    {
        // Nor is there a place for this: the exit code says it.
    }
}
