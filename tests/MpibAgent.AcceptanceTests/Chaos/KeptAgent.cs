using System.Globalization;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// The agent as it is shipped, started by keeper.c as systemd would: it says when it is ready and what its status is, and may be
/// killed and started again as often as one likes.
/// </summary>
internal sealed class KeptAgent : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    // TimeoutStopSec= of the unit: then systemd would kill it.
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly AgentFiles _files;
    private readonly LineProcess _keeper;
    private readonly Lock _gate = new();
    private readonly Task _hearing;
    private Life _life = new();

    private KeptAgent(AgentFiles files, LineProcess keeper)
    {
        _files = files;
        _keeper = keeper;
        _hearing = HearAsync();
    }

    /// <summary>The agent's pid. Nobody else's until the next start, even when it has ended.</summary>
    public int Pid { get; private set; }

    /// <summary>What the agent has said of its flows and connections since it was started, the latest last.</summary>
    public (int Flows, int Connections)[] Statuses
    {
        get
        {
            lock (_gate)
            {
                return [.. _life.Statuses];
            }
        }
    }

    public bool HasEnded => _life.Ended.Task.IsCompleted;

    /// <summary>All that the agent has logged.</summary>
    public string Log
    {
        get
        {
            using var reader = new StreamReader(new FileStream(_files.Log, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
    }

    /// <summary>Gets an agent ready to be started.</summary>
    /// <param name="machine">Has the binary, of which this makes a copy.</param>
    /// <param name="files">Its files.</param>
    /// <param name="held">Whether its socket and its FIFO are held for it, as socket units do.</param>
    /// <param name="options">Options beside those that name its files.</param>
    /// <param name="under">A command that runs it, such as prlimit(1).</param>
    public static async Task<KeptAgent> MakeAsync(SystemdMachine machine, AgentFiles files, bool held = false, string[]? options = null,
        string[]? under = null)
    {
        Prerequisites.Require();
        File.Copy(machine.Outside($"{SystemdMachine.Source}/mpib-agent"), files.Binary);
        string[] hold = held ? ["--hold", files.Socket, files.Control] : [];
        return new KeptAgent(files, new LineProcess([await CProgram.Keeper.PathAsync(), .. hold, files["notify"], files.Log, .. under ?? [],
            files.Binary, .. files.Options, .. options ?? []]));
    }

    /// <summary>Starts it and waits until it serves.</summary>
    public async Task StartAsync()
    {
        await LaunchAsync();
        var first = await Task.WhenAny(_life.Ready.Task, _life.Ended.Task).WaitAsync(Limit);
        Assert.True(first == _life.Ready.Task, $"the agent did not start, {(_life.Ended.Task.IsCompleted ? await _life.Ended.Task : "")}\n{LogTail}");
    }

    /// <summary>Starts it, and comes back while it is still starting.</summary>
    public async Task LaunchAsync()
    {
        lock (_gate)
        {
            _life = new Life();
        }

        await _keeper.SayAsync("start");
        Pid = await _life.Started.Task.WaitAsync(Limit);
    }

    /// <summary>Sends it a signal, unless it has ended.</summary>
    public Task SignalAsync(int number) => _keeper.SayAsync(string.Create(CultureInfo.InvariantCulture, $"signal {number}"));

    /// <summary>Waits for its end: `exit CODE` or `signal NUMBER`.</summary>
    public Task<string> EndAsync() => _life.Ended.Task.WaitAsync(Limit);

    /// <summary>SIGKILL, and its end.</summary>
    public async Task KillAsync()
    {
        await SignalAsync(Signals.Kill);
        Assert.Equal("signal 9", await EndAsync());
    }

    /// <summary>SIGTERM, and its end, of its own accord and without an error.</summary>
    public async Task StopAsync()
    {
        await SignalAsync(Signals.Terminate);
        Assert.Equal("exit 0", await _life.Ended.Task.WaitAsync(StopLimit));
    }

    /// <summary>From now on nobody reads what it notifies systemd of, and there is no room for more.</summary>
    public Task NotifyNobodyAsync() => _keeper.SayAsync("deaf");

    /// <summary>Waits until it says so.</summary>
    public Task StatusAsync(int flows, int connections) => Wait.UntilAsync(() => Task.FromResult(Statuses.LastOrDefault()),
        seen => seen == (flows, connections), $"{flows} flows, {connections} connections");

    /// <summary>Waits until it has logged that: a log line may come after the reply to what it is about.</summary>
    public Task SaysAsync(string text) => Wait.UntilAsync(() => Task.FromResult(Log), log => log.Contains(text, StringComparison.Ordinal), text);

    /// <summary>The last lines of the log, for a failure's message.</summary>
    public string LogTail => string.Join('\n', Log.Split('\n').TakeLast(20));

    public async ValueTask DisposeAsync()
    {
        await _keeper.LeaveAsync();
        await _hearing;
        await _keeper.DisposeAsync();
    }

    private async Task HearAsync()
    {
        while (await _keeper.NextAsync() is { } line)
        {
            lock (_gate)
            {
                Take(line.Split(' '));
            }
        }

        _life.Ended.TrySetResult("with its keeper");
    }

    private void Take(string[] words)
    {
        switch (words[0])
        {
            case "started":
                _life.Started.SetResult(Number(words[1]));
                break;
            case "ready":
                _life.Ready.TrySetResult();
                break;
            case "status":
                // policy manual, F flows, C connections
                _life.Statuses.Add((Number(words[3]), Number(words[5])));
                break;
            case "ended":
                _life.Ended.SetResult($"{words[1]} {words[2]}");
                break;
        }
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    /// <summary>From one start to the next.</summary>
    private sealed class Life
    {
        public TaskCompletionSource<int> Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Ready { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<string> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<(int Flows, int Connections)> Statuses { get; } = [];
    }
}
