using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MpibAgent;
using MpibExporter;

const int Good = 0, Failed = 1, Usage = 2;

// No interval of scrapes is that long, so one that is scraped goes on running.
const int IdleSeconds = 600;

ProcessStart.Prepare();
EndPoint? address = null;
var listen = new Option<string>("--listen")
{
    HelpName = "ADDRESS",
    Description = $"127.0.0.1:PORT, [::1]:PORT or unix:PATH ({ListenAddress.Default})",
};
listen.Validators.Add(result =>
{
    address = ListenAddress.Parse(result.GetValueOrDefault<string>() ?? "", out var problem);
    Expect(result, address is not null, problem);
});
var file = new Option<string>("--file")
{
    HelpName = "PATH",
    Description = $"the agent's [Metrics] TextFile ({MetricsEndpoint.DefaultFile})",
};
file.Validators.Add(result => Expect(result, Path.IsPathRooted(result.GetValueOrDefault<string>()), "expected an absolute path"));
var exitIdle = new Option<int?>("--exit-idle")
{
    HelpName = "SECONDS",
    Description = $"with a socket unit: end when nobody has asked for so long; 0: never ({IdleSeconds})",
    CustomParser = result => int.TryParse(result.Tokens.Single().Value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : -1,
};
exitIdle.Validators.Add(result => Expect(result, result.GetValueOrDefault<int?>() is >= 0 and <= 86400, "expected 0 to 86400"));

var root = new RootCommand("Serves the metrics of this host's MPIB Transport Agent to Prometheus, at loopback or a Unix socket.") { listen, file, exitIdle };
root.SetAction(options =>
{
    try
    {
        var inherited = ListenAddress.Inherited();
        if (inherited.Count > 0 && address is not null)
        {
            return Complain(Usage, "--listen: expected none with a socket unit, which says where to listen");
        }

        address ??= ListenAddress.Parse(ListenAddress.Default, out _)!;
        ScrapeServer.Run(inherited, address, options.GetValue(file) ?? MetricsEndpoint.DefaultFile, TimeSpan.FromSeconds(options.GetValue(exitIdle) ?? IdleSeconds), Say);
        return Good;
    }
    catch (InvalidDataException fault)
    {
        return Complain(Usage, fault.Message);
    }
    catch (Exception fault) when (fault is IOException or SocketException)
    {
        return Complain(Failed, $"cannot listen at {address}: {fault.Message}");
    }
});

var parsed = ProgramLine.Read(root, "mpib-exporter", args);
string[] faults = [.. ProgramLine.Faults(parsed)];
if (faults.Length > 0)
{
    return Complain(Usage, [.. faults, "see: mpib-exporter --help"]);
}

try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
{
    // What --help or --version have to say finds no place: a full disk.
    return Complain(Failed, (fault.InnerException ?? fault).Message);
}

static void Expect(OptionResult result, bool isGood, string expected)
{
    if (!isGood)
    {
        result.AddError($"{result.Option.Name}: {expected}, got '{string.Join(' ', result.Tokens.Select(token => token.Value))}'");
    }
}

static void Say(string line) => Console.Error.WriteLine($"mpib-exporter: {line}");

static int Complain(int exitCode, params string[] lines)
{
    Array.ForEach(lines, Say);
    return exitCode;
}
