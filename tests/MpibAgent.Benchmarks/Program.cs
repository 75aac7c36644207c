using System.Globalization;
using MpibAgent.Benchmarks;

// dotnet run -c Release --project tests/MpibAgent.Benchmarks [SECONDS [ROUNDS]]
// Measures everything side by side in one run and writes doc/benchmarks.md.
if (args is ["hold", var socket, var connections, var flows])
{
    TableBenchmark.Hold(socket, int.Parse(connections, CultureInfo.InvariantCulture), int.Parse(flows, CultureInfo.InvariantCulture));
    return;
}

var seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1;
var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 7;

var doc = Path.Combine(Tools.Repository, "doc", "benchmarks.md");
var directory = Directory.CreateTempSubdirectory("mpib-b").FullName;
try
{
    var tools = new Tools(directory);
    var report = new StringWriter();
    Report.Head(report, seconds, rounds);
    RegistrationBenchmark.Run(tools, report, seconds, rounds);
    TableBenchmark.Run(tools, report, seconds, rounds);
    ControlBenchmark.Run(tools, report, rounds);
    HintWriteBenchmark.Run(report);
    RailReadBenchmark.Run(report);
    StartBenchmark.Run(tools, report, rounds);
    File.WriteAllText(doc, report.ToString());
    Console.WriteLine(report);
}
finally
{
    Directory.Delete(directory, recursive: true);
}
