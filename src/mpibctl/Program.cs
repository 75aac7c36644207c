using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Reflection;
using MpibCtl;

var agent = new Option<string?>("--agent")
{
    Recursive = true,
    HelpName = "FILE",
    Description = "the agent's status file (/run/mpib/status.json, or where an agent without root has it)",
};
agent.Validators.Add(result =>
{
    if (result.Tokens is [{ Value: "" }])
    {
        result.AddError("--agent: expected a path, got ''");
    }
});
var root = new RootCommand("Looks after the MPIB Transport Agent of this host.")
{
    agent,
    StatusCommand.Create(agent),
    SetCommand.Create(agent),
    UnsetCommand.Create(agent),
    CheckCommand.Create(agent),
    TopCommand.Create(agent),
    EventsCommand.Create(),
    BenchCommand.Create(agent),
};
root.Directives.Clear();
root.Options.OfType<VersionOption>().Single().Action = new PrintVersion();
var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });

// A first argument in brackets is taken for a directive, of which there is none, and would be passed over.
string[] faults = [.. parsed.Errors.Select(error => error.Message),
    .. parsed.Tokens.Where(token => token.Type == TokenType.Directive).Select(token => $"Unrecognized command or argument '{token.Value}'.")];
if (faults.Length > 0)
{
    foreach (var fault in faults)
    {
        Terminal.Complain(fault);
    }

    Terminal.Complain("see: mpibctl --help");
    return ExitCode.Usage;
}

try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
{
    // What it has to say finds no place: a full disk, a closed descriptor.
    Terminal.Complain((fault.InnerException ?? fault).Message);
    return ExitCode.Bad;
}
finally
{
    Terminal.Restore();
}

/// <summary>The name, then the version.</summary>
internal sealed class PrintVersion : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var version = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        parseResult.InvocationConfiguration.Output.WriteLine($"mpibctl {version}");
        return ExitCode.Good;
    }
}
