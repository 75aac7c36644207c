using System.ComponentModel;
using System.Runtime.InteropServices;
using MpibAgent.RealRails;

// dotnet run --project tests/rails -- [OPTION]...
// The agent steers real TCP traffic over two shaped rails by real counters; --write puts the figures into doc/policies.md.
Settings settings;
try
{
    settings = Settings.Read(args);
}
catch (ArgumentException fault)
{
    await Console.Error.WriteLineAsync($"{fault.Message}\n\n{Settings.Usage}");
    return 2;
}

using var cancellation = new CancellationTokenSource();
void Cancel(PosixSignalContext signal)
{
    signal.Cancel = true;
    cancellation.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
try
{
    var results = await new Bench(settings, Console.Out).RunAsync(cancellation.Token);
    Console.WriteLine();
    Console.WriteLine(Report.Table(results));
    if (settings.WriteTo is { } directory)
    {
        Picture.WriteAll(Path.Combine(directory, "pictures"), results);
        Report.Write(Path.Combine(directory, "policies.md"), results, settings);
    }

    return 0;
}
catch (Exception failure) when (failure is InvalidOperationException or TimeoutException or OperationCanceledException or Win32Exception)
{
    await Console.Error.WriteLineAsync(failure.Message);
    return 1;
}
