using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using MpibAgent.Interface;
using MpibAgent.Tests.Metrics;

namespace MpibAgent.Tests.Exporter;

/// <summary>What a scrape gets from the real program, beside the real agent.</summary>
public sealed class ScrapeTests
{
    private static readonly Ipv4Address A = Ipv4Address.Parse("10.0.0.1"), B = Ipv4Address.Parse("10.0.0.2");

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("unix:{0}")]
    public void It_gets_what_the_agent_counts(string listen)
    {
        using var files = new TempDirectory();
        using var agent = Agent(files);
        using var exporter = ExporterProcess.Start(string.Format(CultureInfo.InvariantCulture, listen, files["http.sock"]), files["agent.prom"]);
        using var client = new AgentClient(files["agent.sock"]);
        client.Register(1, A, B);
        Wait.Until(() => new Metric(exporter.Scrape().Body).Value("mpib_agent_registrations_total") == 1);

        var answer = exporter.Ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var (head, body) = (answer.Split("\r\n\r\n")[0], answer.Split("\r\n\r\n")[1]);
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n", head, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(files["agent.prom"]), body);
    }

    [Fact]
    public async Task Nothing_is_served_of_an_agent_that_was_stopped_or_killed()
    {
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        Assert.Equal(503, exporter.Scrape().Status);

        using (var stopped = Agent(files))
        {
            Assert.Equal(200, exporter.Scrape().Status);
            await stopped.StopAsync();
        }

        var (status, body) = exporter.Scrape();
        Assert.Equal(503, status);
        Assert.Contains($"there is no {files["agent.prom"]}: the agent is not running", body, StringComparison.Ordinal);

        using (var killed = Agent(files))
        {
            Assert.Equal(200, exporter.Scrape().Status);
        }

        Assert.True(File.Exists(files["agent.prom"]));
        (status, body) = exporter.Scrape();
        Assert.Equal(503, status);
        Assert.Contains("the agent is not running: it ended without a stop", body, StringComparison.Ordinal);
        Assert.DoesNotContain("mpib_agent_", body, StringComparison.Ordinal);

        using var again = Agent(files);
        Assert.Equal(200, exporter.Scrape().Status);
    }

    [Fact]
    public void A_change_is_said_once_and_not_at_every_scrape()
    {
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(503, exporter.Scrape().Status);
        }

        using var agent = Agent(files);
        Assert.Equal(200, exporter.Scrape().Status);
        Wait.Until(() => exporter.Said.Contains("the agent is running", StringComparison.Ordinal));
        Assert.Single(exporter.Said.Split('\n'), line => line.Contains("the agent is not running", StringComparison.Ordinal));
    }

    [Fact]
    public void Descriptors_sent_along_are_refused_since_their_close_may_wait()
    {
        Prerequisites.RequireCommand("python3", "python3");
        Assert.SkipUnless(Environment.OSVersion.Version >= new Version(6, 16), "before Linux 6.16 nothing can be done about them");
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        using var sender = System.Diagnostics.Process.Start("python3", ["-c", $"""
            {Registration.DescriptorTests.MakeOneWhoseCloseWaits}
            exporter = socket.socket(socket.AF_UNIX)
            exporter.connect('{files["http.sock"]}')
            try: send(exporter)
            except PermissionError: os._exit(0) # without a close
            os._exit(1)
            """]);
        Assert.True(sender.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, sender.ExitCode);
        Assert.Equal(503, exporter.Scrape().Status);
    }

    [Theory]
    [InlineData("ln -s /etc/hostname FILE", "expected a file, found a symbolic link")]
    [InlineData("mkfifo FILE", "expected a regular file")]
    [InlineData("mkdir FILE", "expected a regular file")]
    [InlineData("head -c 262145 /dev/zero >FILE", "expected at most 262144 bytes")]
    [InlineData("echo 'mpib_agent_slots 256' >FILE; chmod 0666 FILE", "others can write to it")]
    [InlineData("echo 'mpib_agent_slots 256' >FILE", "it ended without a stop")]
    public void What_is_not_a_living_agents_is_not_served(string plant, string reason)
    {
        using var files = new TempDirectory();
        using (var shell = System.Diagnostics.Process.Start("sh", ["-ec", "umask 022; " + plant.Replace("FILE", files["agent.prom"], StringComparison.Ordinal)]))
        {
            shell.WaitForExit();
            Assert.Equal(0, shell.ExitCode);
        }

        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        var (status, body) = exporter.Scrape();
        Assert.Equal(503, status);
        Assert.Contains(reason, body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_at_once_get_whole_texts_while_the_agent_replaces_them()
    {
        using var files = new TempDirectory();
        using var agent = Agent(files);
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        using var client = new AgentClient(files["agent.sock"]);
        var before = File.ReadAllText(files["agent.prom"]);
        client.Register(1, A, B);

        var scrapers = Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var scrapes = 0; scrapes < 25 || File.ReadAllText(files["agent.prom"]) == before; scrapes++)
            {
                var (status, body) = exporter.Scrape();
                Assert.Equal(200, status);
                Assert.StartsWith("# HELP ", body, StringComparison.Ordinal);
                Assert.Matches("mpib_agent_registration_duration_seconds_count [01]\n$", body);
            }
        }));
        await Task.WhenAll(scrapers);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404")]
    [InlineData("GET /metrics/../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404")]
    [InlineData("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "405")]
    [InlineData("GET /metrics?LONG HTTP/1.1\r\nHost: x\r\n\r\n", "414")]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: x\r\nA: LONG\r\nB: LONG\r\nC: LONG\r\n\r\n", "431")]
    [InlineData("garbage\r\n\r\n", "400")]
    public void What_is_no_scrape_is_refused_and_others_are_served(string request, string status)
    {
        using var files = new TempDirectory();
        using var agent = Agent(files);
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);

        Assert.StartsWith("HTTP/1.1 " + status, exporter.Ask(request.Replace("LONG", new string('x', 4000), StringComparison.Ordinal)), StringComparison.Ordinal);

        Assert.Equal(200, exporter.Scrape().Status);
    }

    [Fact]
    public void Silent_and_slow_clients_are_shut_out_after_a_while()
    {
        using var files = new TempDirectory();
        using var agent = Agent(files);
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        var crowd = Enumerable.Range(0, 40).Select(_ => exporter.Connect()).ToList();
        try
        {
            foreach (var half in crowd.Take(10))
            {
                half.Send("GET /metrics HTTP/1.1\r\nHost"u8);
            }

            // Each is closed by the other end, those over the limit at once; a request cut short is answered before, with 408.
            Assert.All(crowd, client =>
            {
                try
                {
                    while (client.Receive(new byte[1024]) > 0)
                    {
                    }
                }
                catch (SocketException fault) when (fault.SocketErrorCode == SocketError.ConnectionReset)
                {
                    // The same, said otherwise.
                }
            });
        }
        finally
        {
            crowd.ForEach(client => client.Dispose());
        }

        Assert.Equal(200, exporter.Scrape().Status);
    }

    [Fact]
    public async Task On_a_host_of_many_cores_a_crowd_takes_no_more_threads_than_the_unit_allows()
    {
        const string TasksMax = "TasksMax=";
        var allowed = int.Parse(File.ReadLines(Checkout.Path("deploy", "mpib-exporter.service")).Single(line => line.StartsWith(TasksMax, StringComparison.Ordinal))[TasksMax.Length..],
            CultureInfo.InvariantCulture);
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"], "DOTNET_PROCESSOR_COUNT=128");
        var most = 0;
        var crowd = Enumerable.Range(0, 16).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (var scrapes = 0; scrapes < 200; scrapes++)
                {
                    exporter.Scrape();
                    most = Math.Max(most, exporter.Threads);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        await Task.WhenAll(crowd);
        Assert.InRange(most, 1, allowed);
    }

    [Fact]
    public void A_request_that_does_not_end_does_not_hold_up_a_stop()
    {
        using var files = new TempDirectory();
        using var exporter = ExporterProcess.Start($"unix:{files["http.sock"]}", files["agent.prom"]);
        using var half = exporter.Connect();
        half.Send("GET /metrics HTTP/1.1\r\nHost"u8);
        Assert.Equal(503, exporter.Scrape().Status);
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, exporter.Stop());
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
    }

    private static AgentProcess Agent(TempDirectory files) => AgentProcess.Start(files, arguments: $"--metrics-file {files["agent.prom"]} --metrics-interval 1");
}
