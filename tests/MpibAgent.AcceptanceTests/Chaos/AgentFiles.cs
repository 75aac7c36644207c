namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>The files of one agent, in a directory of their own, gone with the test. Its path is short: it holds sockets.</summary>
internal sealed class AgentFiles : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mpib-a");

    /// <summary>Makes the directory, and in it a settings file that says nothing, so that one on this machine does not count.</summary>
    public AgentFiles()
    {
        File.WriteAllText(this["agent.conf"], "");
        State = this["state"];
    }

    public string Binary => this["mpib-agent"];

    public string Hints => this["hints"];

    public string Socket => this["agent.sock"];

    public string Control => this["control"];

    public string Log => this["log"];

    /// <summary>The state file; somewhere else where a test says so.</summary>
    public string State { get; set; }

    /// <summary>The agent's options that name these files.</summary>
    public string[] Options =>
    [
        "--config", this["agent.conf"], "--hints", Hints, "--socket", Socket, "--control", Control, "--state", State, "--log-target", "console",
    ];

    public string this[string name] => Path.Combine(_directory.FullName, name);

    public void Dispose() => _directory.Delete(recursive: true);
}
