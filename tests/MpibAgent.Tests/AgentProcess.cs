using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace MpibAgent.Tests;

/// <summary>The agent as it is built here, in a process of its own, on files of a test.</summary>
internal sealed class AgentProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TempDirectory _files;

    private AgentProcess(TempDirectory files, string before, string arguments)
    {
        _files = files;
        var program = Path.Combine(AppContext.BaseDirectory, "mpib-agent");
        _process = Process.Start(new ProcessStartInfo("sh", ["-c",
            $"{before} exec {program} --hints {files["hints"]} --socket {files["agent.sock"]} --control {files["control"]} {arguments}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Pid => _process.Id;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public int DescriptorCount => Directory.GetFileSystemEntries(string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/fd")).Length;

    /// <summary>Whether the loop waits in epoll_wait(2) or epoll_pwait(2), without a timeout, and its timerfd is not to ring: nothing of its own wakes it.</summary>
    public bool SleepsForGood
    {
        get
        {
            // A thread that another starts has that one's name until it gets its own.
            string[] loops = [.. Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/task")).Where(IsLoop)];
            if (loops is not [var loop])
            {
                return false;
            }

            // proc(5): the call's number and its six arguments, or "running". The fourth argument of both is the timeout, -1 as a 32-bit number.
            var call = File.ReadAllText($"{loop}/syscall").Split(' ');
            return call.Length > 4 && call[0] is "232" or "281" or "22" && (uint)Convert.ToUInt64(call[4], 16) == uint.MaxValue && !IsAlarmSet;
        }
    }

    // proc_pid_fdinfo(5).
    private bool IsAlarmSet => !Directory.GetFileSystemEntries(string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/fd"))
        .Where(link => new FileInfo(link).LinkTarget == "anon_inode:[timerfd]")
        .Select(link => File.ReadAllText(link.Replace("/fd/", "/fdinfo/", StringComparison.Ordinal)))
        .Single().Contains("it_value: (0, 0)", StringComparison.Ordinal);

    private static bool IsLoop(string task)
    {
        try
        {
            return File.ReadAllText($"{task}/comm") == "mpib-loop\n";
        }
        catch (IOException)
        {
            // One of the runtime's threads, which has just ended.
            return false;
        }
    }

    /// <summary>Starts it, with shell words before it such as a ulimit, and waits until it serves.</summary>
    public static AgentProcess Start(TempDirectory files, string before = "", string arguments = "")
    {
        var agent = new AgentProcess(files, before, arguments);
        Wait.Until(() => agent.Output.Contains("is ready", StringComparison.Ordinal) || agent._process.HasExited);
        Assert.False(agent._process.HasExited, agent.Output);
        return agent;
    }

    /// <summary>Runs it to its end, which comes by itself.</summary>
    public static (int ExitCode, string Output) Run(TempDirectory files, string before = "", string arguments = "")
    {
        using var agent = new AgentProcess(files, before, arguments);
        Assert.True(agent._process.WaitForExit(TimeSpan.FromSeconds(60)), "it did not end: " + agent.Output);
        agent._process.WaitForExit();
        return (agent._process.ExitCode, agent.Output);
    }

    public Socket ConnectRaw()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        socket.Connect(new UnixDomainSocketEndPoint(_files["agent.sock"]));
        return socket;
    }

    /// <summary>Sends it a signal by name.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, Pid.ToString(CultureInfo.InvariantCulture)])!;
        kill.WaitForExit();
    }

    /// <summary>A signal that stops it; it must end well.</summary>
    public async Task StopAsync(string signal = "TERM")
    {
        Signal(signal);
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(_process.ExitCode == 0, string.Create(CultureInfo.InvariantCulture, $"exit code {_process.ExitCode}: {Output}"));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }
}
