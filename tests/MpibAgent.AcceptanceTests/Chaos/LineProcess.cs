using System.Diagnostics;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>A child that takes a command a line and answers a line. It ends with its standard input, so also with this process.</summary>
internal sealed class LineProcess(params string[] words) : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process = Command.Start(words);

    public int Pid => _process.Id;

    /// <summary>Says a line and returns the next answer; null when it has ended.</summary>
    public async Task<string?> AskAsync(string line)
    {
        await SayAsync(line);
        return await HearAsync(line);
    }

    public async Task SayAsync(string line)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync(line);
            await _process.StandardInput.FlushAsync();
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException)
        {
            // It has ended, or is leaving, as who hears it will notice.
        }
    }

    public async Task<string?> HearAsync(string question = "nothing")
    {
        using var timeout = new CancellationTokenSource(Limit);
        try
        {
            return await _process.StandardOutput.ReadLineAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_process.ProcessName}: no answer to '{question}'");
        }
    }

    /// <summary>The next line, whenever it comes; null at the end.</summary>
    public ValueTask<string?> NextAsync() => _process.StandardOutput.ReadLineAsync(CancellationToken.None);

    /// <summary>SIGKILL, and its end.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await EndAsync();
    }

    /// <summary>Lets it leave of its own accord.</summary>
    public async Task LeaveAsync()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already.
        }

        await EndAsync();
    }

    /// <summary>Waits until it is gone from the process table.</summary>
    public async Task EndAsync()
    {
        using var timeout = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(timeout.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }
}
