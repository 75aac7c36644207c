namespace MpibAgent.AcceptanceTests;

/// <summary>mpib-exporter as it is shipped, started by its socket, beside the installed agent.</summary>
public sealed class ExporterTests(SystemdMachine machine) : AcceptanceTest(machine)
{
    internal const string Scrape = "curl --silent --show-error --max-time 20 --fail-with-body http://127.0.0.1:19471/metrics";

    // What is left of it: users are real, and it may read what all may.
    private const double Exposure = 0.4;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await DropInAsync("Environment=MPIB_AGENT_METRICS_TEXTFILE=/run/mpib/mpib-agent.prom");
        await Machine.ShellAsync("systemctl restart mpib-agent");
    }

    public override async ValueTask DisposeAsync()
    {
        await Machine.ShellAsync("""
            systemctl disable --quiet --now mpib-exporter.socket
            systemctl stop mpib-exporter.service
            systemctl reset-failed mpib-exporter.service mpib-exporter.socket 2>/dev/null || :
            """);
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Installed_it_is_off()
    {
        Assert.Equal("disabled", (await SystemctlAsync("is-enabled", "mpib-exporter.socket")).Output.TrimEnd());
        Assert.Equal("inactive\ninactive", (await SystemctlAsync("is-active", "mpib-exporter.socket", "mpib-exporter.service")).Output.TrimEnd());
        Assert.Contains("Failed to connect", (await Machine.RunAsync("sh", "-c", Scrape)).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_manuals_commands_turn_it_on_and_off_and_give_it_a_unix_socket()
    {
        var said = new List<string>();
        foreach (var command in Manual())
        {
            var isJournal = command.StartsWith("journalctl", StringComparison.Ordinal);
            said.Add(await Wait.UntilAsync(() => Machine.ShellAsync(command), text => !isJournal || text.Contains("serving /run/mpib/mpib-agent.prom", StringComparison.Ordinal)));
            if (command.StartsWith("systemctl disable", StringComparison.Ordinal))
            {
                Assert.Equal("inactive\ninactive", (await SystemctlAsync("is-active", "mpib-exporter.socket", "mpib-exporter.service")).Output.TrimEnd());
            }
        }

        Assert.Equal(2, said.Count(text => text.Contains("\nmpib_agent_slots 256\n", StringComparison.Ordinal)));

        // That of its group alone.
        Assert.Equal("srw-rw---- root:www-data", await Machine.ShellAsync("stat -c '%A %U:%G' /run/mpib-exporter.sock"));
        Assert.NotEqual(0, (await Machine.RunAsUserAsync("alice", "curl", "--unix-socket", "/run/mpib-exporter.sock", "http://localhost/metrics")).ExitCode);
    }

    [Fact]
    public async Task While_the_agent_is_away_a_scrape_fails_with_the_reason_and_no_figure()
    {
        await Machine.ShellAsync("systemctl enable --quiet --now mpib-exporter.socket");
        Assert.Contains("\nmpib_agent_slots 256\n", await Machine.ShellAsync(Scrape), StringComparison.Ordinal);

        await Machine.ShellAsync($"systemctl stop {Units}");
        var away = await Machine.RunAsync("sh", "-c", Scrape);
        Assert.Equal(22, away.ExitCode);
        Assert.Contains("503", away.Errors, StringComparison.Ordinal);
        Assert.StartsWith("there is no /run/mpib/mpib-agent.prom: the agent is not running", away.Output, StringComparison.Ordinal);

        await Machine.ShellAsync($"systemctl start {Units}");
        Assert.Contains("\nmpib_agent_slots 256\n", await Machine.ShellAsync(Scrape), StringComparison.Ordinal);

        // Killed, and kept from coming back.
        await Machine.ShellAsync("""
            printf '[Service]\nRestart=no\n' >/run/systemd/system/mpib-agent.service.d/no-restart.conf
            systemctl daemon-reload
            systemctl stop mpib-agent.socket mpib-control.socket
            systemctl start mpib-agent
            systemctl kill --signal=KILL mpib-agent
            """);
        await StateAsync("failed");

        // Its metrics are gone with it: for node_exporter they would be there for good.
        Assert.StartsWith("there is no /run/mpib/mpib-agent.prom: the agent is not running", (await Machine.RunAsync("sh", "-c", Scrape)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ended_when_idle_it_is_back_for_the_next_scrape()
    {
        await ExporterDropInAsync("service", @"[Service]\nExecStart=\nExecStart=/usr/sbin/mpib-exporter --exit-idle 1");
        await Machine.ShellAsync($"systemctl enable --quiet --now mpib-exporter.socket; {Scrape}");

        for (var i = 0; i < 2; i++)
        {
            await Wait.UntilAsync(() => PropertyAsync("ActiveState", "mpib-exporter.service"), state => state == "inactive", "it ended");
            Assert.Equal("0", await PropertyAsync("ExecMainStatus", "mpib-exporter.service"));
            Assert.Contains("mpib_agent_info{", await Machine.ShellAsync(Scrape), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task At_a_socket_unit_that_listens_beyond_this_host_it_refuses_to_serve()
    {
        await ExporterDropInAsync("socket", @"[Socket]\nListenStream=\nListenStream=0.0.0.0:19471");
        await Machine.ShellAsync("systemctl start mpib-exporter.socket");

        Assert.NotEqual(0, (await Machine.RunAsync("sh", "-c", Scrape)).ExitCode);

        await Wait.UntilAsync(() => PropertyAsync("ExecMainStatus", "mpib-exporter.service"), status => status == "2", "it ended with 2");
        await Wait.UntilAsync(() => Machine.ShellAsync("journalctl --unit=mpib-exporter --boot"),
            text => text.Contains("expected a stream socket at a loopback address or a path, got 0.0.0.0:19471", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_running_process_has_a_user_of_its_own_and_no_privilege_and_no_network()
    {
        await Machine.ShellAsync($"systemctl start mpib-exporter.socket; {Scrape}");
        var pid = await PropertyAsync("MainPID", "mpib-exporter.service");

        Assert.Equal("mpib-exporter", await Machine.ShellAsync($"stat -c %U /proc/{pid}"));
        Assert.Equal("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2",
            await Machine.ShellAsync($"grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' /proc/{pid}/status"));
        Assert.Equal("lo", await Machine.ShellAsync($"nsenter --target={pid} --net ls /sys/class/net || nsenter --target={pid} --net ip -brief link | cut -d ' ' -f 1"));
    }

    [Fact]
    public async Task Its_units_are_well_formed_and_the_exposure_is_as_documented()
    {
        await VerifyAsync("mpib-exporter.socket mpib-exporter.service");
        Assert.InRange(await ExposureAsync("mpib-exporter.service"), 0, Exposure);
    }

    private Task<string> ExporterDropInAsync(string unit, string lines) => Machine.ShellAsync($"""
        mkdir -p /run/systemd/system/mpib-exporter.{unit}.d
        printf '{lines}\n' >/run/systemd/system/mpib-exporter.{unit}.d/test.conf
        systemctl daemon-reload
        """);

    /// <summary>What operations.md has an operator do, as lines of shell for root; what is typed into an editor goes into a drop-in.</summary>
    private static IEnumerable<string> Manual()
    {
        var section = File.ReadLines(Path.Combine(AgentBuild.Checkout, "doc", "operations.md"))
            .SkipWhile(line => line != "### Without node_exporter").Skip(1).TakeWhile(line => !line.StartsWith('#')).ToList();
        for (var i = 0; i < section.Count; i++)
        {
            if (!section[i].StartsWith("    sudo ", StringComparison.Ordinal) && !section[i].StartsWith("    curl ", StringComparison.Ordinal)
                && !section[i].StartsWith("    journalctl ", StringComparison.Ordinal))
            {
                continue;
            }

            var command = section[i].Split(" # ")[0].Trim().Replace("sudo ", "", StringComparison.Ordinal);
            if (!command.StartsWith("systemctl edit ", StringComparison.Ordinal))
            {
                yield return command;
                continue;
            }

            var lines = section.Skip(i + 2).TakeWhile(line => line.StartsWith("        ", StringComparison.Ordinal)).Select(line => line.Trim());
            var directory = $"/run/systemd/system/{command.Split(' ')[2]}.d";
            yield return $"mkdir -p {directory}; printf '{string.Join("\\n", lines)}\n' >{directory}/edited.conf; systemctl daemon-reload";
        }
    }
}
