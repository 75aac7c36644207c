using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace MpibAgent.Tests.Exporter;

/// <summary>The real mpib-exporter, listening somewhere, on a file of a test.</summary>
internal sealed partial class ExporterProcess : IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "mpib-exporter");

    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private ExporterProcess(string command)
    {
        _process = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public string Said
    {
        get
        {
            lock (_said)
            {
                return _said.ToString();
            }
        }
    }

    public bool HasExited => _process.HasExited;

    public int Threads => Directory.GetDirectories($"/proc/{_process.Id}/task").Length;

    /// <summary>Where it said that it listens: a port, or a path.</summary>
    private string Address => AddressPattern().Match(Said).Groups["address"].Value;

    /// <summary>Starts it and waits until it serves.</summary>
    public static ExporterProcess Start(string listen, string file, string before = "")
    {
        var exporter = new ExporterProcess($"{before} exec {Program} --listen {listen} --file {file}");
        Wait.Until(() => exporter.Address.Length > 0 || exporter.HasExited);
        Assert.False(exporter.HasExited, exporter.Said);
        return exporter;
    }

    /// <summary>Has a socket made as systemd would; the program starts with the first connection.</summary>
    public static ExporterProcess Activate(string listen, string arguments)
    {
        Prerequisites.RequireCommand("systemd-socket-activate", "systemd");
        var exporter = new ExporterProcess($"exec systemd-socket-activate ${{DOTNET_ROOT:+--setenv=DOTNET_ROOT}} --listen={listen} {Program} {arguments}");
        Wait.Until(() => exporter.Said.Contains("Listening on", StringComparison.Ordinal));
        return exporter;
    }

    /// <summary>Runs it to its end.</summary>
    public static (int ExitCode, string Said) Run(string arguments, string before = "")
    {
        using var exporter = new ExporterProcess($"{before} exec {Program} {arguments}");
        return (exporter.WaitForExit(), exporter.Said);
    }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Stops it as systemd does, and returns its exit code.</summary>
    public int Stop()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        return WaitForExit();
    }

    public int WaitForExit()
    {
        Assert.True(_process.WaitForExit(TimeSpan.FromSeconds(60)), "it did not end: " + Said);
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public Socket Connect(string? address = null)
    {
        address ??= Address;
        var isPort = int.TryParse(address, NumberStyles.None, CultureInfo.InvariantCulture, out var port);
        var socket = new Socket(isPort ? AddressFamily.InterNetwork : AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        socket.Connect(isPort ? new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port) : new UnixDomainSocketEndPoint(address));
        return socket;
    }

    /// <summary>Sends a request as it stands, and returns what comes until the other end closes.</summary>
    public string Ask(string request, string? address = null)
    {
        using var socket = Connect(address);
        socket.Send(Encoding.ASCII.GetBytes(request));
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>As Prometheus asks: the status and the body.</summary>
    public (int Status, string Body) Scrape(string? address = null)
    {
        var answer = Ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n", address);
        var parts = answer.Split("\r\n\r\n", 2);
        Assert.StartsWith("HTTP/1.1 ", answer, StringComparison.Ordinal);
        return (int.Parse(answer.AsSpan("HTTP/1.1 ".Length, 3), CultureInfo.InvariantCulture), parts[1]);
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

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_said)
        {
            _said.AppendLine(line.Data);
        }
    }

    [GeneratedRegex("serving .* at http://(127.0.0.1:|unix:)(?<address>.*)/metrics")]
    private static partial Regex AddressPattern();
}
