using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>What the command line says.</summary>
internal sealed record Settings
{
    public const string Usage = """
        usage: dotnet run --project tests/rails -- [OPTION]...
          --short                the form that the tests run: steady and step, without 50/50
          --cases NAME,...       steady, step, step-up, step-sout, brown-out, rail-down, cross, cross-net, bursty
          --policies NAME,...    50/50, capacity, adaptive, hand
          --rounds N             everything so often; a figure is the median (1)
          --period-ms MS         the agent's sampling period (50)
          --encoding NAME        ppm1024 or multiplier (ppm1024)
          --agent PATH           the agent: a native program, or a dll that dotnet runs (the debug build)
          --write [DIRECTORY]    writes the figures into DIRECTORY/policies.md and the pictures into DIRECTORY/pictures (doc)
          --keep-logs            leaves the agents' logs and says where
        Takes root, iproute2, gcc and a kernel with sch_tbf.
        """;

    public bool IsShort { get; private set; }

    public string[] Cases { get; private set; } = [];

    public string[] Policies { get; private set; } = [];

    public int Rounds { get; private set; } = 1;

    public int PeriodMs { get; private set; } = 50;

    public string Encoding { get; private set; } = "ppm1024";

    public string Agent { get; init; } = Path.Combine(Sources.Repository, "src", "MpibAgent", "bin", "Debug", "net10.0", "mpib-agent.dll");

    public string? WriteTo { get; private set; }

    public bool KeepsLogs { get; private set; }

    /// <summary>What a test runs.</summary>
    public static Settings ShortForm(string agent) => new() { IsShort = true, Agent = agent };

    public static Settings Read(string[] words)
    {
        var settings = new Settings();
        for (var i = 0; i < words.Length; i++)
        {
            string Value() => ++i < words.Length ? words[i] : throw new ArgumentException($"{words[i - 1]} needs a value");
            switch (words[i])
            {
                case "--short": settings.IsShort = true; break;
                case "--cases": settings.Cases = Known(Value(), [.. Case.All.Select(@case => @case.Name)]); break;
                case "--policies": settings.Policies = Known(Value(), [.. Steering.All.Select(steering => steering.Name)]); break;
                case "--rounds": settings.Rounds = Whole(Value(), 1, 99); break;
                case "--period-ms": settings.PeriodMs = Whole(Value(), 1, 10000); break;
                case "--encoding": settings.Encoding = Known(Value(), ["ppm1024", "multiplier"])[0]; break;
                case "--agent": settings = settings with { Agent = Path.GetFullPath(Value()) }; break;
                case "--write":
                    settings.WriteTo = i + 1 < words.Length && !words[i + 1].StartsWith('-') ? Path.GetFullPath(Value()) : Path.Combine(Sources.Repository, "doc");
                    break;
                case "--keep-logs": settings.KeepsLogs = true; break;
                default: throw new ArgumentException($"unknown option {words[i]}");
            }
        }

        return settings;
    }

    /// <summary>The cases to run.</summary>
    public Case[] ChosenCases() => [.. (IsShort ? Case.Short : Case.All).Where(@case => Cases.Length == 0 || Cases.Contains(@case.Name))];

    /// <summary>The policies to run.</summary>
    public Steering[] ChosenPolicies() =>
        [.. (IsShort ? Steering.Short : Steering.All).Where(steering => Policies.Length == 0 || Policies.Contains(steering.Name))];

    private static int Whole(string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value : throw new ArgumentException($"expected a whole number of {least} to {most}, got {text}");

    private static string[] Known(string text, string[] names)
    {
        var words = text.Split(',');
        return words.FirstOrDefault(word => !names.Contains(word)) is { } unknown
            ? throw new ArgumentException($"expected {string.Join(", ", names)}; got {unknown}") : words;
    }
}
