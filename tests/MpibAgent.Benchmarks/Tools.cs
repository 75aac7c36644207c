using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace MpibAgent.Benchmarks;

/// <summary>The programs that are measured and that measure: the agent as it is shipped, and the C ones of this folder.</summary>
internal sealed class Tools : IDisposable
{
    /// <summary>The exit code of one that has no handler for it, as .NET has it.</summary>
    private const int EndedBySigterm = 128 + 15;

    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(30);

    private readonly List<Process> _started = [];
    private readonly string _memory;

    /// <param name="directory">Where all of them come to lie, empty.</param>
    /// <param name="memory">Where the agent's files and the counters come to lie, empty: /run and /sys are no disk either.</param>
    /// <param name="agent">A build of the agent; null to make one.</param>
    public Tools(string directory, string memory, string? agent)
    {
        Directory = directory;
        _memory = memory;
        Agent = agent ?? Path.Combine(this["bin"], "mpib-agent");
        foreach (var name in new[] { "floor", "load", "control", "control_floor", "reader", "ready", "ready_floor", "nics", "steering_floor" })
        {
            Finish(Process.Start("gcc", ["-std=c11", "-O2", "-pthread", Path.Combine(Here(), name + ".c"), "-o", this[name]])!, "gcc");
        }

        // Nothing that is set on this machine counts.
        File.WriteAllText(this["agent.conf"], "");
        if (agent is not null)
        {
            return;
        }

        Console.WriteLine("publishing the agent (NativeAOT)...");
        using var publish = Process.Start(new ProcessStartInfo("dotnet",
            ["publish", Path.Combine(Repository, "src", "MpibAgent"), "-c", "Release", "-r", System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier,
                "-p:PublishAot=true", "--artifacts-path", this["artifacts"], "-o", this["bin"], "-v", "quiet"]))!;
        Finish(publish, "dotnet publish");
    }

    public static string Repository => Path.GetFullPath(Path.Combine(Here(), "..", ".."));

    public string Directory { get; }

    public string Agent { get; }

    /// <summary>The path of something by its name: what an agent or a floor runs on is in memory (a directory for each agent, sys, and what begins with "floor."), all else is not.</summary>
    public string this[string name] =>
        Path.Combine(name is "m" or "m1" or "m2" or "n" or "sys" || name.StartsWith("floor.", StringComparison.Ordinal) ? _memory : Directory, name);

    /// <summary>Starts the agent on files of its own, and returns it when it serves. Its log goes to a file, as it would to the journal.</summary>
    /// <param name="logLevel">From which level on it logs.</param>
    /// <param name="files">The name of the directory of its files.</param>
    /// <param name="options">Further options.</param>
    public Process StartAgent(string logLevel = "info", string files = "m", params string[] options) => StartServer("mpib-agent", files, this[files + ".log"],
        $"exec {Agent} {string.Join(' ', AgentOptions(logLevel, files))} {string.Join(' ', options)}",
        () => File.Exists(this[files] + "/control") && File.Exists(this[files] + "/agent.sock"));

    /// <summary>The options that name the agent's files.</summary>
    public string[] AgentOptions(string logLevel, string files) =>
    [
        "--config", this["agent.conf"], "--hints", this[files] + "/hints", "--socket", this[files] + "/agent.sock", "--control", this[files] + "/control",
        "--log-target", "console", "--log-level", logLevel,
    ];

    public Process StartFloor(string name, string arguments) => StartServer(name, "m", this[name + ".log"], $"exec {this[name]} {arguments}",
        () => File.Exists(this[name + ".log"]) && File.ReadAllText(this[name + ".log"]).StartsWith("ready", StringComparison.Ordinal));

    /// <summary>Runs a measuring program and reads the line of JSON that it prints last.</summary>
    public JsonElement Measure(string name, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(this[name], arguments) { RedirectStandardOutput = true })!;
        var line = process.StandardOutput.ReadToEnd().Trim().Split('\n')[^1];
        Finish(process, $"{name} {string.Join(' ', arguments)}");
        return JsonDocument.Parse(line).RootElement;
    }

    /// <summary>SIGTERM, and the end of it, which must be a good one: of what crashes there are no figures.</summary>
    public static void Stop(Process process)
    {
        Finish(Process.Start("kill", [process.Id.ToString(CultureInfo.InvariantCulture)]), "kill");
        process.WaitForExit();
        if (process.ExitCode is not (0 or EndedBySigterm))
        {
            throw new InvalidOperationException($"a server ended with {process.ExitCode}");
        }

        process.Dispose();
    }

    /// <summary>A process that does not outlive this, whatever happens but SIGKILL.</summary>
    public Process Own(Process process)
    {
        _started.Add(process);
        return process;
    }

    /// <summary>Ends what still runs, as after an exception.</summary>
    public void Dispose()
    {
        foreach (var process in _started)
        {
            try
            {
                process.Kill();
            }
            catch (InvalidOperationException)
            {
                // Its user has ended it, and disposed of it.
            }
        }
    }

    /// <summary>A number of a file in /proc that has a name and a number in each line.</summary>
    public static long Field(string file, string name) => long.Parse(
        File.ReadLines(file).First(line => line.StartsWith(name + ":", StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    /// <summary>Empties a directory of an agent's files, or makes it.</summary>
    public void Clear(string files)
    {
        if (System.IO.Directory.Exists(this[files]))
        {
            System.IO.Directory.Delete(this[files], recursive: true);
        }

        System.IO.Directory.CreateDirectory(this[files]);
    }

    private Process StartServer(string name, string files, string log, string command, Func<bool> isReady)
    {
        Clear(files);
        File.Delete(log);
        var process = Own(Process.Start("sh", ["-c", $"{command} > {log}"]));
        if (!SpinWait.SpinUntil(() => isReady() || process.HasExited, ReadyLimit) || process.HasExited)
        {
            throw new InvalidOperationException($"{name} did not become ready: {File.ReadAllText(log)}");
        }

        return process;
    }

    private static void Finish(Process process, string what)
    {
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{what} ended with {process.ExitCode}");
        }
    }

    private static string Here([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
