using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.AcceptanceTests;

/// <summary>A client in the machine that plays the plugin (plugin.c): a question a line, an answer a line.</summary>
internal sealed class Plugin : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Process _process;

    public Plugin(SystemdMachine machine, string user) =>
        _process = machine.Start(user, "plugin", "/tmp/mpib/agent.sock", "/tmp/mpib/hints");

    public async Task<string> AskAsync(string question)
    {
        await _process.StandardInput.WriteLineAsync(question);
        await _process.StandardInput.FlushAsync();
        using var timeout = new CancellationTokenSource(Limit);
        return await _process.StandardOutput.ReadLineAsync(timeout.Token)
            ?? throw new InvalidOperationException($"{question}: the client ended; {await _process.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Its pid in the machine.</summary>
    public async Task<int> PidAsync() => int.Parse(await AskAsync("pid"), CultureInfo.InvariantCulture);

    /// <summary>It ends without deregistering anything.</summary>
    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var timeout = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(timeout.Token);
        _process.Dispose();
    }
}
