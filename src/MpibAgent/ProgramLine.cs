using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Reflection;

namespace MpibAgent;

/// <summary>What the command lines of the agent and of its tools have in common: nothing but what --help shows, and all faults at once.</summary>
internal static class ProgramLine
{
    /// <summary>The version, as the project sets it.</summary>
    public static string Version { get; } =
        Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Reads a line: without directives and response files, which --help does not show.</summary>
    public static ParseResult Read(RootCommand root, string program, string[] arguments)
    {
        root.Directives.Clear();
        root.Options.OfType<VersionOption>().Single().Action = new PrintVersion(program);
        return root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
    }

    /// <summary>What is wrong, a line each. A first argument in brackets is taken for a directive, of which there is none, and would be passed over.</summary>
    public static IEnumerable<string> Faults(ParseResult parsed) => parsed.Errors.Select(error => error.Message)
        .Concat(parsed.Tokens.Where(token => token.Type == TokenType.Directive).Select(token => $"Unrecognized command or argument '{token.Value}'."));

    /// <summary>As other programs say it: the name, then the version.</summary>
    private sealed class PrintVersion(string program) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"{program} {Version}");
            return 0;
        }
    }
}
