using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Metrics;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Registration;
using MpibAgent.Slots;
using MpibAgent.Status;
using MpibAgent.Systemd;
using MpibAgent.Telemetry;

namespace MpibAgent;

/// <summary>
/// Who is made of what, one of each. Written out: where the container looks constructors and their parameters up by reflection, a tenth of the agent's
/// start goes to that.
/// </summary>
internal static class AgentComponents
{
    public static IServiceCollection AddComponents(this IServiceCollection services, AgentOptions options)
    {
        return services
            .AddSingleton<IHostApplicationLifetime>(s => new ApplicationLifetime(Log<ApplicationLifetime>(s)))
            .AddSingleton(_ => new InheritedDescriptors())
            .AddSingleton(s => new EventLoop(TimeProvider.System, Get<IHostApplicationLifetime>(s), Log<EventLoop>(s)))
            .AddSingleton(s => new HintRegion(options.Hints, Log<HintRegion>(s)))
            .AddSingleton(s => new StateFile(options.State, options.Control, options.Hints, Log<StateFile>(s)))
            .AddSingleton(s => new SlotTable(Get<HintRegion>(s), Get<StateFile>(s), options.Hints, options.Limits, Get<EventLoop>(s), Log<SlotTable>(s)))
            .AddSingleton(s => new ProcessWatch(Get<EventLoop>(s), Get<SlotTable>(s), options.Limits, Log<ProcessWatch>(s)))
            .AddSingleton(s => new Registrar(Get<SlotTable>(s), Get<ProcessWatch>(s), Get<EventLoop>(s), Log<Registrar>(s)))
            .AddSingleton(s => new RegistrationListener(options.Registration, Get<EventLoop>(s), Get<Registrar>(s), Get<ProcessWatch>(s),
                Get<InheritedDescriptors>(s), Log<RegistrationListener>(s)))
            .AddSingleton(s => new RailReader(new RailPair(options.Rails, TimeProvider.System, Log<RailPair>(s)), Get<EventLoop>(s), Log<RailPair>(s)))
            .AddSingleton(s => new PathLevelTable(options.Telemetry, Get<EventLoop>(s)))
            .AddSingleton(s => new TelemetryListener(options.Telemetry, Get<EventLoop>(s), Get<PathLevelTable>(s), Get<StateFile>(s),
                Log<TelemetryListener>(s)))
            .AddSingleton(s => new TelemetryReporter(options.Telemetry, Get<EventLoop>(s), Get<SlotTable>(s),
                answer => Get<RailReader>(s).Ask(TimeSpan.FromMilliseconds(options.Telemetry.ReportPeriodMs), seen => answer(seen.Sample)), Log<TelemetryReporter>(s)))
            .AddSingleton(_ => new PolicyCatalogue(options.Policy, options.Hints))
            .AddSingleton(s => new PolicyEngine(Get<PolicyCatalogue>(s), options.Hints, Get<EventLoop>(s), Get<SlotTable>(s), Get<RailReader>(s),
                Get<PathLevelTable>(s), Log<PolicyEngine>(s)))
            .AddSingleton(s => new ControlFifo(options.Control, options.Hints, Get<EventLoop>(s), Get<SlotTable>(s), Get<PolicyEngine>(s),
                Get<InheritedDescriptors>(s), Log<ControlFifo>(s)))
            .AddSingleton(s => new StatusFile(options.Control, options.Hints, options.Registration, options.Rails, Get<EventLoop>(s), Get<HintRegion>(s),
                Get<SlotTable>(s), Get<PolicyEngine>(s), Log<StatusFile>(s)))
            .AddSingleton(s => new AgentMetrics(Get<EventLoop>(s), options.Hints, Get<SlotTable>(s), Get<Registrar>(s), Get<RegistrationListener>(s),
                Get<PolicyEngine>(s), Get<ControlFifo>(s), Get<StatusFile>(s)))
            .AddSingleton(s => new MetricsFile(options.Metrics, Get<EventLoop>(s), Get<SlotTable>(s), Get<Registrar>(s), Get<PolicyEngine>(s),
                Get<ControlFifo>(s), Get<RailReader>(s), () => Get<AgentMetrics>(s), Log<MetricsFile>(s)))
            .AddSingleton(_ => new NotifySocket())
            .AddSingleton(s => new ServiceStatus(Get<EventLoop>(s), Get<SlotTable>(s), Get<PolicyEngine>(s), Get<NotifySocket>(s)))
            .AddSingleton(s => new Watchdog(Get<EventLoop>(s), Get<NotifySocket>(s)));
    }

    /// <summary>Tells systemd READY=1 when all hosted services have started, and STOPPING=1; stops on its SIGTERM.</summary>
    public static IServiceCollection AddSystemdLifetime(this IServiceCollection services) => services.AddSingleton<IHostLifetime>(s =>
        new SystemdLifetime(Get<IHostEnvironment>(s), Get<IHostApplicationLifetime>(s), Get<NotifySocket>(s), Get<ILoggerFactory>(s)));

    private static T Get<T>(IServiceProvider services)
        where T : class => services.GetRequiredService<T>();

    private static Logger<T> Log<T>(IServiceProvider services) => new(Get<ILoggerFactory>(services));
}
