using System.CommandLine;
using System.CommandLine.Parsing;
using MpibAgent.Simulator;

// dotnet run -c Release --project tests/MpibAgent.Simulator -- --help
var files = new Argument<FileSystemInfo[]>("FILE")
{
    Description = "Scenario files, or directories of them; without one, those that come with the simulator.",
    Arity = ArgumentArity.ZeroOrMore,
};
var policies = List("--policy", "Policies to try: " + string.Join(", ", Contenders.Names) + ".", [.. Contenders.Names]);
var encodings = List("--encoding", "How shares are written: ppm1024, multiplier, exact.", ["ppm1024"]);
var seeds = new Option<int>("--seeds") { Description = "Runs of each scenario.", DefaultValueFactory = _ => 5 };
var period = new Option<double?>("--period") { Description = "Sampling period in ms, instead of the scenarios'." };
var refresh = new Option<double?>("--refresh") { Description = "How often devices refresh their counters, in ms, instead of the scenarios'; SUP's a third of that later than SOUT's." };
var untold = new Option<bool>("--links-untold") { Description = "Nobody tells of a link that goes down or comes up, as with InfiniBand." };
var pictures = new Option<DirectoryInfo?>("--pictures") { Description = "Where to draw each scenario's first run as an SVG." };
var check = new Option<bool>("--check") { Description = "Exit with 1 if a policy misses what its scenario expects." };
var random = new Option<int?>("--random") { Description = "Compare the policies with the first of them in so many random scenarios." };
var randomFrom = new Option<int>("--random-from") { Description = "The first random scenario.", DefaultValueFactory = _ => 0 };
var calm = new Option<double?>("--calm") { Description = "With --random: so many quiet seconds behind each scenario, and how many end at a wrong split." };
var randomSeed = new Option<int?>("--random-seed") { Description = "Replay this random scenario." };

var command = new RootCommand("Replays scenarios of two rails against split policies.")
{
    files, policies, encodings, seeds, period, refresh, untold, pictures, check, random, randomFrom, randomSeed, calm,
};
command.SetAction(arguments =>
{
    // What is no option passes for a file.
    var unknown = arguments.GetValue(files)!.FirstOrDefault(file => file.Name.StartsWith('-'));
    Expect(unknown is null, "options", "those of --help", unknown?.Name);

    var number = arguments.GetValue(randomSeed);
    var scales = arguments.GetValue(encodings)!.Select(ScaleOf);
    List<Candidate> candidates = [.. from scale in scales from policy in arguments.GetValue(policies)! select new Candidate(policy, scale)];
    candidates.ForEach(candidate => Contenders.Find(candidate.Policy));
    Expect(candidates.Count > 0, "--policy and --encoding", "one of each or more", "none");
    Expect(arguments.GetValue(seeds) > 0, "--seeds", "at least 1", arguments.GetValue(seeds));
    Expect(arguments.GetValue(period) is null or (> 0 and <= 3_600_000), "--period", "above 0, to 3600000", arguments.GetValue(period));
    Expect(arguments.GetValue(refresh) is null or (>= 0 and <= 3_600_000), "--refresh", "0 to 3600000", arguments.GetValue(refresh));
    Expect(arguments.GetValue(random) is null or > 0, "--random", "at least 1", arguments.GetValue(random));
    Expect(arguments.GetValue(files)!.Length == 0 || (arguments.GetValue(random) is null && arguments.GetValue(randomSeed) is null), "FILE",
        "none beside --random and --random-seed", arguments.GetValue(files)!.FirstOrDefault());

    Expect(arguments.GetValue(calm) is null or (>= Calm.Measured and <= 3600), "--calm", FormattableString.Invariant($"{Calm.Measured} to 3600"), arguments.GetValue(calm));
    Expect(arguments.GetValue(calm) is null || arguments.GetValue(random) is not null || number is not null, "--calm", "--random or --random-seed beside it", "neither");

    // Before minutes of runs.
    arguments.GetValue(pictures)?.Create();
    var every = arguments.GetValue(period) is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : (TimeSpan?)null;
    Scenario Seen(Scenario scenario)
    {
        var sampling = scenario.Sampling with { AreLinksUntold = scenario.Sampling.AreLinksUntold || arguments.GetValue(untold) };
        return scenario with
        {
            Sampling = arguments.GetValue(refresh) is { } pause ? sampling with { RefreshMilliseconds = pause, RefreshShiftMilliseconds = pause / 3 } : sampling,
        };
    }

    Scenario Make(int seed) => Seen(RandomScenarios.Make(seed));
    if (arguments.GetValue(random) is { } count)
    {
        if (arguments.GetValue(calm) is { } quiet)
        {
            CalmSearch.Write(Console.Out, candidates, Make, arguments.GetValue(randomFrom), count, quiet, every);
            return 0;
        }

        HarmSearch.Write(Console.Out, candidates, Make, arguments.GetValue(randomFrom), count, every);
        return 0;
    }

    // A random scenario is compared in its one run with seed 0, and replayed as that.
    List<Scenario> scenarios = number is not { } n ? [.. Read(arguments.GetValue(files)!).Select(Seen)]
        : arguments.GetValue(calm) is { } seconds ? [Calm.After(Make(n), seconds)] : [Make(n)];
    var names = scenarios.CountBy(scenario => scenario.Name).FirstOrDefault(name => name.Value > 1);
    Expect(names.Value <= 1, "FILE", "scenarios with a name each", $"{names.Value} that are called {names.Key}");
    var results = new Replay(candidates, every).Run(scenarios, number is null ? arguments.GetValue(seeds) : 1);
    List<ReplaySummary> summaries =
        [.. results.GroupBy(result => (result.Scenario, result.Candidate)).Select(group => new ReplaySummary(group))];
    if (number is not null)
    {
        Console.WriteLine(ScenarioText.Of(scenarios[0]));
    }

    ReplayTable.Write(Console.Out, summaries);
    if (arguments.GetValue(pictures) is { } directory)
    {
        Parallel.ForEach(results.Where(result => result.Log is not null), result => SharePicture.Save(result, result.Log!, directory.FullName));
    }

    return arguments.GetValue(check) && summaries.Any(summary => summary.Misses.Count > 0) ? 1 : 0;
});

try
{
    var parsed = command.Parse(args);
    if (parsed.Errors is [var error, ..])
    {
        // One value alone is wrong where it is no number.
        throw new ArgumentException(error.SymbolResult is OptionResult { Tokens: [var value] } result ? $"{result.Option.Name}: expected a number, got {value.Value}" : error.Message);
    }

    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (Cause(e) is ScenarioException or ArgumentException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"policy-replay: {Cause(e).Message}");
    return 2;
}

// Pictures are drawn in parallel.
static Exception Cause(Exception e) => e is AggregateException { InnerException: { } inner } ? inner : e;

static void Expect(bool isMet, string option, string expected, object? got)
{
    if (!isMet)
    {
        throw new ArgumentException(FormattableString.Invariant($"{option}: expected {expected}, got {got}"));
    }
}

static Option<string[]> List(string name, string description, string[] otherwise) => new(name)
{
    Description = description + " Several with commas between them.",
    CustomParser = result => result.Tokens[0].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
    DefaultValueFactory = _ => otherwise,
};

static ShareScale ScaleOf(string name) => name switch
{
    "ppm1024" => ShareScale.Ppm1024,
    "multiplier" => ShareScale.Multiplier,
    "exact" => ShareScale.Exact,
    _ => throw new ArgumentException($"expected an encoding of ppm1024, multiplier, exact, got {name}"),
};

static List<Scenario> Read(FileSystemInfo[] places) => places.Length == 0
    ? [.. ScenarioFile.ReadAll(ScenarioFile.Supplied)]
    : [.. places.SelectMany(place => place is DirectoryInfo ? ScenarioFile.ReadAll(place.FullName) : [ScenarioFile.Read(place.FullName)])];
