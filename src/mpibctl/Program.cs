using System.CommandLine;
using MpibAgent;
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
var parsed = ProgramLine.Read(root, "mpibctl", args);
string[] faults = [.. ProgramLine.Faults(parsed)];
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
