using System.Globalization;
using System.Text;
using MpibAgent.Control;
using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Metrics;
using MpibAgent.Policy;
using MpibAgent.Rails;
using MpibAgent.Registration;
using MpibAgent.Slots;
using MpibAgent.Telemetry;

namespace MpibAgent;

/// <summary>
/// One key of the settings file, with its names elsewhere and the check of its text. To add a setting: a property in its component's options,
/// a line in <see cref="All"/>, a comment in deploy/agent.conf, an entry in both man pages.
/// </summary>
/// <param name="Key">Section:Key, as the options class nests it.</param>
/// <param name="Option">Its name on the command line.</param>
/// <param name="Value">What the value is called in the help.</param>
/// <param name="Help">What it is, with its default.</param>
/// <param name="Fault">What is wrong with a text; null when nothing is.</param>
internal sealed record Setting(string Key, string Option, string Value, string Help, Func<string, string?> Fault)
{
    // sun_path of unix(7) holds 108 bytes, the last of them zero.
    private const int LongestSocketPath = 107;

    /// <summary>Every setting there is.</summary>
    public static readonly Setting[] All =
    [
        new("Hints:Path", "--hints", "PATH", $"the hint region ({new HintOptions().Path})", AbsolutePath),
        new("Hints:Mode", "--hints-mode", "MODE", $"its mode, octal, writable by its owner alone ({new HintOptions().Mode})", RegionMode),
        new("Hints:Initial", "--initial-hint", "HINT", $"the hint of a slot until another is set ({new HintOptions().Initial})", U32),
        new("Hints:Encoding", "--encoding", "NAME", "what a hint means to the plugin: multiplier or ppm1024 (multiplier)",
            text => OneOf(text, "multiplier", "ppm1024")),
        new("Hints:OnStop", "--on-stop", "WHAT", "what the hints do when the agent is stopped: keep or reset, to the initial hint (keep)",
            text => OneOf(text, "keep", "reset")),
        new("Registration:Path", "--socket", "PATH", $"the registration socket ({new RegistrationOptions().Path})", SocketPath),
        new("Registration:Mode", "--socket-mode", "MODE", $"its mode, octal: who may register ({new RegistrationOptions().Mode})", Mode),
        new("Registration:IdleTimeoutSec", "--idle-timeout", "SECONDS",
            $"a peer's socket that is idle so long is closed ({new RegistrationOptions().IdleTimeoutSec})", text => Whole(text, 1, 86400)),
        new("Registration:MaxPeers", "--max-peers", "N", $"how many peers' sockets may be open at once ({new RegistrationOptions().MaxPeers})",
            text => Whole(text, 1, 1_000_000)),
        new("Control:Path", "--control", "PATH", $"the control FIFO ({new ControlOptions().Path})", AbsolutePath),
        new("Control:Mode", "--control-mode", "MODE", $"its mode, octal: who may command ({new ControlOptions().Mode})", FifoMode),
        new("Control:Group", "--control-group", "GROUP", $"its group ({new ControlOptions().Group})", Name),
        new("Limits:SlotsPerUser", "--slots-per-user", "N", $"slots that one user's flows may have ({new LimitOptions().SlotsPerUser})",
            text => Whole(text, 1, HintLayout.SlotCount)),
        new("Limits:Overflow", "--overflow", "WHAT", "what becomes of a flow without a slot: refuse, or share one slot with all such (refuse)",
            text => OneOf(text, "refuse", "share")),
        new("Limits:ConnectionsPerUser", "--connections-per-user", "N",
            $"connections that one user may have ({new LimitOptions().ConnectionsPerUser})", text => Whole(text, 1, StateFile.LargestCapacity)),
        new("Limits:ProcessesPerUser", "--processes-per-user", "N",
            $"processes of one user that may have connections ({new LimitOptions().ProcessesPerUser})", text => Whole(text, 1, 1 << 20)),
        new("State:Path", "--state", "PATH", "what survives a restart (\"state\" beside the control FIFO)", AbsolutePath),
        new("Policy:Name", "--policy", "NAME", $"who sets the hints: {string.Join(", ", PolicyCatalogue.Names)} ({new PolicyOptions().Name})",
            text => OneOf(text, [.. PolicyCatalogue.Names])),
        new("Policy:PeriodMs", "--period-ms", "MS", $"how often the adaptive policy reads the counters ({new PolicyOptions().PeriodMs})",
            text => Whole(text, 2, 1000)),
        new("Policy:AlternatingMs", "--alternating-ms", "MS", $"how long the alternating policy keeps a hint ({new PolicyOptions().AlternatingMs})",
            text => Whole(text, 1, 3_600_000)),
        new("Policy:AlternatingFirst", "--alternating-first", "HINT", $"its first hint ({new PolicyOptions().AlternatingFirst})", text => Whole(text, 0, 65536)),
        new("Policy:AlternatingSecond", "--alternating-second", "HINT", $"its second hint ({new PolicyOptions().AlternatingSecond})",
            text => Whole(text, 0, 65536)),
        new("Rails:Sout", "--sout", "DEVICE", $"the scale-out rail: mlx5_0, mlx5_0:2 (a port) or eth1 (${RailOptions.PluginSout})", RailName.Fault),
        new("Rails:Sup", "--sup", "DEVICE", $"the scale-up rail (${RailOptions.PluginSup})", RailName.Fault),
        new("Rails:SoutGbps", "--sout-gbps", "GBPS", "the scale-out rail's rate in Gb/s; 0: as the device says (0)", Rate),
        new("Rails:SupGbps", "--sup-gbps", "GBPS", "the scale-up rail's (0)", Rate),
        new("Rails:SysRoot", "--sys-root", "PATH", $"where sysfs is mounted ({new RailOptions().SysRoot})", AbsolutePath),
        new("Telemetry:Listen", "--telemetry-listen", "IP:PORT", "where congestion reports are taken (nowhere)", EndpointOrNone),
        new("Telemetry:AllowedSenders", "--telemetry-senders", "LIST", $"whose: addresses and networks ({new TelemetryOptions().AllowedSenders})", Senders),
        new("Telemetry:KeyFile", "--telemetry-key-file", "PATH", "the key that signs the reports; needed for all that is not loopback (none)", AbsolutePathOrNone),
        new("Telemetry:ExpiryMs", "--telemetry-expiry", "MS", $"how long a report counts ({new TelemetryOptions().ExpiryMs})", text => Whole(text, 10, 60000)),
        new("Telemetry:Threshold", "--telemetry-threshold", "LEVEL", $"a level over this one is congestion ({new TelemetryOptions().Threshold})",
            text => Whole(text, TelemetryOptions.LeastThreshold, byte.MaxValue - 1)),
        new("Telemetry:Collector", "--telemetry-collector", "IP:PORT", "where the load of this host's rails is sent (nowhere)", EndpointOrNone),
        new("Telemetry:ReportPeriodMs", "--telemetry-period", "MS", $"how often ({new TelemetryOptions().ReportPeriodMs})", text => Whole(text, 10, 60000)),
        new("Metrics:TextFile", "--metrics-file", "PATH", "the metrics for node_exporter's textfile collector, ending in .prom (none)", MetricsFileOrNone),
        new("Metrics:IntervalSeconds", "--metrics-interval", "SECONDS", $"how often it is replaced at most ({new MetricsOptions().IntervalSeconds})",
            text => Whole(text, 1, 3600)),
        new("Log:Level", "--log-level", "LEVEL", "debug, info, warning or error (info)",
            text => OneOf(text, "debug", "info", "warning", "error")),
        new("Log:Target", "--log-target", "TARGET", "auto, journal or console (auto: the journal under systemd)",
            text => OneOf(text, "auto", "journal", "console")),
    ];

    /// <summary>Its environment variable: Registration:IdleTimeoutSec is MPIB_AGENT_REGISTRATION_IDLETIMEOUTSEC.</summary>
    public string Variable { get; } = SettingsReader.VariablePrefix + Key.Replace(':', '_').ToUpperInvariant();

    private static string? AbsolutePath(string text) =>
        text.Length > 1 && text[0] == '/' && text[^1] != '/' && !text.Contains('\0', StringComparison.Ordinal)
            ? null : "expected an absolute path of a file";

    private static string? SocketPath(string text) => AbsolutePath(text) ?? (Encoding.UTF8.GetByteCount(text) <= LongestSocketPath
        ? null : $"expected at most {LongestSocketPath} bytes, the limit of a Unix socket's path");

    private static string? AbsolutePathOrNone(string text) => text.Length == 0 ? null : AbsolutePath(text);

    private static string? MetricsFileOrNone(string text) => AbsolutePathOrNone(text)
        ?? (text.Length == 0 || text.EndsWith(".prom", StringComparison.Ordinal) ? null : "expected a name that ends in .prom: the collector reads no other");

    private static string? EndpointOrNone(string text) => text.Length == 0 || (Ipv4Endpoint.TryParse(text, out var endpoint) && endpoint.Port > 0)
        ? null : "expected an IPv4 address and a port, such as 127.0.0.1:9471, or nothing";

    private static string? Senders(string text) => SenderList.TryParse(text, out _)
        ? null : "expected IPv4 addresses and networks, such as 127.0.0.1, 10.0.0.0/24";

    private static string? Name(string text) => text.Length is > 0 and <= 32 ? null : "expected a name of 1 to 32 characters";

    private static string? U32(string text) => Whole(text, 0, uint.MaxValue);

    private static string? Whole(string text, uint least, uint most) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? null : string.Create(CultureInfo.InvariantCulture, $"expected a whole number of {least} to {most}");

    private static string? Rate(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var gigabits)
            && (gigabits == 0 || SysfsText.Rate(gigabits) is not null)
            ? null : $"expected a rate in Gb/s of at most {SysfsText.FastestGigabits}, such as 400 or 0.1, or 0";

    private static string? OneOf(string text, params ReadOnlySpan<string> names) =>
        names.Contains(text) ? null : $"expected {string.Join(" or ", names.ToArray())}";

    private static string? Mode(string text) =>
        text.Length is >= 3 and <= 4 && text.All(c => c is >= '0' and <= '7') && Convert.ToInt32(text, 8) <= 0x1FF
            ? null : "expected an octal mode of 0000 to 0777";

    private static string? RegionMode(string text) => Mode(text) ?? ((Convert.ToInt32(text, 8) & 0x192) == 0x180
        ? null : "expected a mode with which its owner can read and write, and group and others cannot write: there is one writer");

    private static string? FifoMode(string text) => Mode(text) ?? ((Convert.ToInt32(text, 8) & 0x100) != 0
        ? null : "expected a mode with which its owner, the agent, can read");
}
