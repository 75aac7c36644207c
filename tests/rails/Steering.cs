using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>Who steers.</summary>
/// <param name="Name">What it is called on the command line and in the report.</param>
/// <param name="Policy">The agent's policy.</param>
/// <param name="KnowsAll">Every change of the schedule is followed by the best hint for it, through the control FIFO.</param>
internal sealed record Steering(string Name, string Policy, bool KnowsAll = false)
{
    public const string HandName = "hand";

    private const string Manual = "manual";

    /// <summary>All there are, in the order of the report.</summary>
    public static readonly Steering[] All = [new("50/50", Manual), new("capacity", "capacity"), new("adaptive", "adaptive"), new(HandName, Manual, KnowsAll: true)];

    public static readonly Steering[] Short = [.. All.Where(steering => steering.Name != "50/50")];

    /// <summary>The agent's options, beside those that name its files.</summary>
    public string[] Options(Settings settings, Hints hints, Case @case)
    {
        var start = hints.Best(KnowsAll ? new Rates(Case.SoutMbit, @case.SupMbit) : new Rates(1, 1));
        string[] options = ["--policy", Policy, "--encoding", settings.Encoding, "--initial-hint", start.ToString(CultureInfo.InvariantCulture)];
        return Policy == Manual ? options : [.. options, .. Measuring(settings)];
    }

    /// <summary>A veth says 10 Gbit/s whatever its shaper does, so the rates of the links are told, as they are when all is well.</summary>
    private static string[] Measuring(Settings settings) =>
    [
        "--sout", "sout", "--sup", "sup", "--sout-gbps", "0.1", "--sup-gbps", "0.3",
        "--period-ms", settings.PeriodMs.ToString(CultureInfo.InvariantCulture),
    ];
}
