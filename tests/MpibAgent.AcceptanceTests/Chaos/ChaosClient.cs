using System.Globalization;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>
/// A process of a job (chaos_client.c) whose every request the model knows of. One task at a time asks it; any may end it, also while it asks.
/// </summary>
internal sealed class ChaosClient : IAsyncDisposable
{
    private readonly LineProcess _process;
    private readonly ConnectionModel _model;
    private readonly Lock _gate = new();

    private ChaosClient(LineProcess process, ConnectionModel model) => (_process, _model, Pid) = (process, model, process.Pid);

    public int Pid { get; }

    /// <summary>Whether it has ended, or is about to.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Whether it keeps its socket from one request to the next; the plugin does not.</summary>
    public bool KeepsSocket { get; private set; }

    /// <summary>The connections that it has, or may have.</summary>
    public (uint Name, Connection Connection)[] Connections => _model.Of(Pid);

    public static async Task<ChaosClient> StartAsync(AgentFiles files, ConnectionModel model, bool keepsSocket = false)
    {
        var client = new ChaosClient(new LineProcess(await CProgram.Client.PathAsync(), files.Socket, files.Hints, files.Control), model);
        client.KeepsSocket = keepsSocket;
        await client.AskAsync(keepsSocket ? "keep 1" : "keep 0");
        return client;
    }

    /// <summary>Registers connections, named from <paramref name="first"/> on, by requests that are sent at once. Null when it has ended
    /// instead, or requests may not begin.</summary>
    public Task<Reply[]?> RegisterAsync(uint first, int flow, int count = 1) =>
        RequestAsync(first, flow, count, string.Create(CultureInfo.InvariantCulture, $"register {first} {flow} {count}"));

    /// <inheritdoc cref="RegisterAsync"/>
    public Task<Reply[]?> DeregisterAsync(uint first, int count = 1) =>
        RequestAsync(first, Connection.None, count, string.Create(CultureInfo.InvariantCulture, $"deregister {first} {count}"));

    /// <summary>Has its next request kill a process, so long after it was sent or answered.</summary>
    public Task MurderAtNextRequestAsync(int pid, bool whenAnswered, int nanoseconds) =>
        _process.AskAsync(string.Create(CultureInfo.InvariantCulture, $"fate {pid} {(whenAnswered ? "answered" : "sent")} {nanoseconds}"));

    /// <summary>Has it die by its own hand, right after it has sent a request.</summary>
    public async Task DieAskingAsync(uint name, int flow)
    {
        Forget();
        await AskAsync("fate 0 sent 0");
        await _process.SayAsync(string.Create(CultureInfo.InvariantCulture, $"register {name} {flow}"));
        await _process.EndAsync();
    }

    /// <summary>SIGKILL, and its end.</summary>
    public Task DieAsync()
    {
        Forget();
        return _process.KillAsync();
    }

    /// <summary>Its end without a word to the agent.</summary>
    public Task LeaveAsync()
    {
        Forget();
        return _process.LeaveAsync();
    }

    /// <summary>Reads a slot's hint as the plugin does. Null when it has ended instead.</summary>
    public async Task<uint?> ReadHintAsync(int slot) =>
        await _process.AskAsync(string.Create(CultureInfo.InvariantCulture, $"hint {slot}")) is { } answer && answer.StartsWith("hint ", StringComparison.Ordinal)
            ? uint.Parse(answer[5..], CultureInfo.InvariantCulture) : null;

    /// <summary>
    /// Reads every slot by the loop of the interface: how many tries that took at the most, and the slots in which it did not return within a hundred
    /// thousand.
    /// </summary>
    public async Task<(int Tries, int[] Spinning)> ReadAllAsync()
    {
        var numbers = (await AskAsync("tries 100000")).Split(' ')[1..].Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToArray();
        return (numbers[0], numbers[1..]);
    }

    public async Task<string> AskAsync(string line) =>
        await _process.AskAsync(line) ?? throw new InvalidOperationException($"the client ended at '{line}'");

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task<Reply[]?> RequestAsync(uint first, int flow, int count, string line)
    {
        if (!UnlessGone(() => _model.TryBegin(Pid, first, count, flow)))
        {
            return null;
        }

        var answer = await _process.AskAsync(line);
        Assert.True(answer is not null || IsGone, $"a client ended at '{line}'");
        var replies = answer?.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Reply.Parse).ToArray();
        if (replies?.Length != count || !UnlessGone(() => _model.End(Pid, first, flow, replies)))
        {
            Assert.True(IsGone, $"expected {count} replies, got {answer}");
            return null;
        }

        Assert.DoesNotContain(replies, reply => reply.Word.Contains("TIMEDOUT", StringComparison.Ordinal) || reply.Word == "status-2");
        return replies;
    }

    private bool UnlessGone(Func<bool> action)
    {
        lock (_gate)
        {
            return !IsGone && action();
        }
    }

    /// <summary>Before its end: from then on the agent may give its slots to others.</summary>
    private void Forget()
    {
        lock (_gate)
        {
            IsGone = true;
            _model.Remove(Pid);
        }
    }
}
