using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>An agent on the sender's host, with files of its own.</summary>
internal sealed class RunningAgent : IDisposable
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(30);

    private readonly string _directory;
    private readonly Process _process;
    private readonly Task _log;

    public RunningAgent(Bed bed, string agent, string directory, string[] options)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        File.WriteAllText(this["agent.conf"], "");
        _process = bed.StartOnSender([.. Command(agent), "--config", this["agent.conf"], "--hints", Hints, "--socket", Socket, "--control", Control,
            "--state", this["state"], "--log-target", "console", .. options]);
        _log = LogAsync();
        if (!SpinWait.SpinUntil(() => (File.Exists(Control) && File.Exists(Socket)) || _process.HasExited, ReadyLimit) || _process.HasExited)
        {
            Dispose();
            throw new InvalidOperationException($"the agent did not become ready: {File.ReadAllText(this["log"])}");
        }
    }

    public string Hints => this["hints"];

    public string Socket => this["agent.sock"];

    private string Control => this["control"];

    private string this[string name] => Path.Combine(_directory, name);

    /// <summary>How an agent is run: a dll takes dotnet.</summary>
    public static string[] Command(string agent) => agent.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", agent] : [agent];

    /// <summary>A command of the operator's for every slot.</summary>
    public void Set(uint hint) => File.AppendAllText(Control, string.Create(CultureInfo.InvariantCulture, $"all {hint}\n"));

    public void Dispose()
    {
        Programs.Stop(_process);
        _log.Wait();
    }

    private async Task LogAsync()
    {
        // Stop disposes of the process while the last of its output is still to be read.
        var output = _process.StandardOutput;
        await using var log = File.CreateText(this["log"]);
        while (await output.ReadLineAsync() is { } line)
        {
            await log.WriteLineAsync(line);
        }
    }
}
