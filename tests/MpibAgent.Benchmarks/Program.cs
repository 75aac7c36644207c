using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using MpibAgent.Benchmarks;

// dotnet run -c Release --project tests/MpibAgent.Benchmarks [-- OPTIONS]
if (args is ["hold", var socket, var connections, var flows])
{
    TableBenchmark.Hold(socket, int.Parse(connections, CultureInfo.InvariantCulture), int.Parse(flows, CultureInfo.InvariantCulture));
    return 0;
}

var sections = new (string Name, Action<Tools, Run> Measure)[]
{
    ("registrations", RegistrationBenchmark.Run),
    ("calls", SystemCallBenchmark.Run),
    ("table", TableBenchmark.Run),
    ("curves", CurveBenchmark.Run),
    ("control", ControlBenchmark.Run),
    ("reader", ReaderBenchmark.Run),
    ("micro", MicroBenchmark.Run),
    ("steering", SteeringBenchmark.Run),
    ("start", StartBenchmark.Run),
    ("idle", IdleBenchmark.Run),
};

var seconds = new Option<int>("--seconds") { Description = "How long each load lasts.", DefaultValueFactory = _ => 1 };
var rounds = new Option<int>("--rounds") { Description = "How often agent and floor take turns.", DefaultValueFactory = _ => 7 };
var idle = new Option<int>("--idle-seconds") { Description = "How long agents with nothing to do are looked at.", DefaultValueFactory = _ => 60 };
var agent = new Option<FileInfo?>("--agent") { Description = "Measure this build of the agent instead of making one." };
var output = new Option<DirectoryInfo>("--output")
{
    Description = "Where benchmarks.md, benchmarks.csv and pictures/ go; doc of this checkout unless given.",
    DefaultValueFactory = _ => new DirectoryInfo(Path.Combine(Tools.Repository, "doc")),
};
var only = new Option<string[]>("--only")
{
    Description = $"Only these sections, printed and not written: {string.Join(", ", sections.Select(section => section.Name))}.",
    AllowMultipleArgumentsPerToken = true,
};
only.AcceptOnlyFromAmong([.. sections.Select(section => section.Name)]);

// Of no rounds there are figures too, all of them NaN, and they would go into doc.
foreach (var number in new[] { seconds, rounds, idle })
{
    number.Validators.Add(result =>
    {
        if (result.Tokens is [var token] && !(int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && value >= 1))
        {
            result.AddError($"{number.Name}: expected a whole number of 1 or more, got '{token.Value}'");
        }
    });
}

agent!.AcceptExistingOnly();

var command = new RootCommand("Measures everything side by side in one run and writes doc/benchmarks.md.") { seconds, rounds, idle, agent, output, only };
command.SetAction(arguments =>
{
    var directory = Directory.CreateTempSubdirectory("mpib-b").FullName;
    var memory = Directory.CreateDirectory(Path.Combine("/dev/shm", Path.GetFileName(directory))).FullName;
    try
    {
        var chosen = arguments.GetValue(only)!;
        var isWhole = chosen.Length == 0;
        if (isWhole)
        {
            // Before an hour of measuring.
            arguments.GetValue(output)!.Create();
        }

        using var tools = new Tools(directory, memory, arguments.GetValue(agent)?.FullName);

        // What runs would go on for ever, and one of them takes a core. Not with Ctrl-C, which all of them get.
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => tools.Dispose());
        using var hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, _ => tools.Dispose());
        var run = new Run(arguments.GetValue(seconds), arguments.GetValue(rounds), TimeSpan.FromSeconds(arguments.GetValue(idle)),
            isWhole ? arguments.GetValue(output)!.FullName : directory);
        Report.Head(run);
        foreach (var (name, measure) in sections.Where(section => isWhole || chosen.Contains(section.Name)))
        {
            Console.WriteLine($"{TimeProvider.System.GetLocalNow():T} {name}");
            measure(tools, run);
        }

        if (isWhole)
        {
            File.WriteAllText(Path.Combine(run.Output, "benchmarks.md"), run.Report.ToString());
        }

        Console.WriteLine(run.Report);
    }
    finally
    {
        Directory.Delete(directory, recursive: true);
        Directory.Delete(memory, recursive: true);
    }
});
return command.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
