using System.Net;
using System.Net.Sockets;

namespace MpibAgent.Tests.Exporter;

/// <summary>Where the real program listens, and where it refuses to.</summary>
public sealed class ListenTests
{
    [Theory]
    [InlineData("0.0.0.0:19471")]
    [InlineData("10.0.0.1:19471")]
    [InlineData("[::]:19471")]
    [InlineData("[2001:db8::1]:19471")]
    public void Beyond_this_host_it_listens_nowhere(string address)
    {
        var (code, said) = ExporterProcess.Run($"--listen {address}");
        Assert.Equal(2, code);
        Assert.Contains("expected a loopback address", said, StringComparison.Ordinal);
        Assert.Contains(address, said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--listen 127.0.0.1", "expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH")]
    [InlineData("--listen 127.0.0.010:19471", "expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH")]
    [InlineData("--listen localhost:19471", "expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH")]
    [InlineData("--listen unix:relative", "expected unix: and an absolute path")]
    [InlineData("--file relative", "expected an absolute path, got 'relative'")]
    [InlineData("--exit-idle never", "expected 0 to 86400, got 'never'")]
    [InlineData("--listen 127.0.0.1:0 more", "more")]
    [InlineData("[more] --exit-idle 1", "[more]")]
    public void A_bad_option_is_refused(string arguments, string reason)
    {
        var (code, said) = ExporterProcess.Run(arguments);
        Assert.Equal(2, code);
        Assert.Contains(reason, said, StringComparison.Ordinal);
    }

    [Fact]
    public void Output_that_finds_no_place_is_told_in_a_line()
    {
        var (code, said) = ExporterProcess.Run("--help >/dev/full");
        Assert.Equal((1, "mpib-exporter: No space left on device"), (code, said.Trim()));
    }

    [Fact]
    public void Where_somebody_listens_already_it_says_so()
    {
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen();
        var (code, said) = ExporterProcess.Run($"--listen {other.LocalEndPoint}");
        Assert.Equal(1, code);
        Assert.Contains("address already in use", said, StringComparison.Ordinal);
    }

    [Fact]
    public void The_socket_of_one_that_was_killed_is_taken_over_and_nothing_else_is()
    {
        using var files = new TempDirectory();
        using (var killed = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]))
        {
            killed.Kill();
        }

        using var next = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        Assert.Equal(503, next.Scrape().Status);

        File.WriteAllText(files["file"], "");
        foreach (var taken in new[] { "http.sock", "file" })
        {
            var (code, said) = ExporterProcess.Run($"--listen unix:{files[taken]}");
            Assert.Equal(1, code);
            Assert.Contains("address already in use", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void It_takes_addresses_from_nowhere_else()
    {
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"],
            "export ASPNETCORE_URLS=http://127.0.0.1:0 Kestrel__Endpoints__Http__Url=http://127.0.0.1:0;");
        Assert.DoesNotContain("127.0.0.1", exporter.Said, StringComparison.Ordinal);
    }

    [Fact]
    public void It_serves_at_a_socket_of_systemds_and_ends_when_nobody_asks()
    {
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Activate(files["http.sock"], $"--file {files["agent.prom"]} --exit-idle 1");
        Assert.Equal(503, exporter.Scrape(files["http.sock"]).Status);
        Assert.Equal(0, exporter.WaitForExit());
    }

    [Fact]
    public void Who_is_connected_keeps_it_from_ending()
    {
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Activate(files["http.sock"], $"--file {files["agent.prom"]} --exit-idle 1");
        using var silent = exporter.Connect(files["http.sock"]);

        // It is shut out after five seconds, not with the end after one.
        Assert.Equal(0, silent.Receive(new byte[16]));
        Assert.False(exporter.HasExited);
        Assert.Equal(0, exporter.WaitForExit());
    }

    [Fact]
    public void Beside_a_socket_unit_an_address_is_refused()
    {
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Activate(files["http.sock"], "--listen 127.0.0.1:0");
        using var first = exporter.Connect(files["http.sock"]);
        Assert.Equal(2, exporter.WaitForExit());
        Assert.Contains("--listen: expected none with a socket unit", exporter.Said, StringComparison.Ordinal);
    }

    [Fact]
    public void A_descriptor_that_is_no_socket_is_refused()
    {
        var (code, said) = ExporterProcess.Run("", "exec 3</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1;");
        Assert.Equal(2, code);
        Assert.Contains("descriptor 3: expected a stream socket at a loopback address or a path", said, StringComparison.Ordinal);
        Assert.Contains("ListenStream=", said, StringComparison.Ordinal);
    }
}
