using System.Diagnostics;

namespace MpibAgent.Tests.Registration;

/// <summary>The agent as a process of its own, with few descriptors, and peers that give it more than it asked for.</summary>
public sealed class DescriptorTests
{
    // As few as the runtime itself can start with, when it is not compiled ahead.
    private const string FewDescriptors = "ulimit -n 250;";

    [Fact]
    public async Task With_all_descriptors_taken_by_processes_new_ones_get_status_1_and_known_ones_are_served()
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files, FewDescriptors);
        var peers = new List<PluginProcess>();
        try
        {
            string answer;
            do
            {
                peers.Add(PluginProcess.Start(files["agent.sock"], files["hints"]));
                answer = peers[^1].Do("register 1 10.0.0.1 10.0.0.2");
            }
            while (answer == "ok 0" && peers.Count < 300);

            Assert.Equal("status 1", answer);
            Assert.True(peers.Count > 5);
            foreach (var known in peers.SkipLast(1))
            {
                Assert.Equal("ok 1", known.Do("register 2 10.0.0.1 10.0.0.3"));
                Assert.Equal("ok", known.Do("deregister 2"));
            }

            peers[0].Kill();
            Wait.Until(() => peers[^1].Do("register 1 10.0.0.1 10.0.0.2") == "ok 0");
            Wait.Until(() => agent.Output.Contains("raise LimitNOFILE=", StringComparison.Ordinal));
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }

        await agent.StopAsync();
    }

    [Fact]
    public async Task With_all_descriptors_taken_by_silent_sockets_a_new_peer_is_served()
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files, FewDescriptors);
        var silent = Enumerable.Range(0, 400).Select(_ => agent.ConnectRaw()).ToList();
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        silent.ForEach(socket => socket.Dispose());
        await agent.StopAsync();
    }

    [Fact]
    public async Task Descriptors_sent_along_with_a_request_are_not_kept()
    {
        Prerequisites.RequireCommand("python3", "python3");
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files);
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        var before = agent.DescriptorCount;
        using var sender = Process.Start("python3", ["-c", $"""
            import array, os, socket
            for i in range(300):
                s = socket.socket(socket.AF_UNIX)
                s.connect('{files["agent.sock"]}')
                fds = array.array('i', [os.open('/dev/null', os.O_RDONLY) for _ in range(10)])
                try: s.sendmsg([bytes.fromhex('{Convert.ToHexString(RegistrationTests.Register(1))}')], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                except PermissionError: pass # Linux 6.16 and later
                else:
                    try: assert len(s.recv(16)) == 0
                    except ConnectionResetError: pass # closed before it was read
                for fd in fds: os.close(fd)
                s.close()
            """])!;
        await sender.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, sender.ExitCode);

        // 3000 were sent; the runtime may have opened some of its own meanwhile.
        Wait.Until(() => agent.DescriptorCount < before + 20);
        await agent.StopAsync();
    }

    [Fact]
    public async Task A_descriptor_whose_close_waits_holds_nobody_up()
    {
        Prerequisites.RequireCommand("python3", "python3");
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files);
        using var sender = Process.Start(new ProcessStartInfo("python3", ["-c", $"""
            {MakeOneWhoseCloseWaits}
            agent = socket.socket(socket.AF_UNIX)
            agent.connect('{files["agent.sock"]}')
            try: send(agent)
            except PermissionError: pass # Linux 6.16 and later
            else: slow.close()
            print(flush=True)
            sys.stdin.read()
            os._exit(0) # without a close
            """]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await sender.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        sender.StandardInput.Close();
        await agent.StopAsync();
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(600, "0")]
    [InlineData(0, "socket.MSG_OOB")]
    [InlineData(600, "socket.MSG_OOB")]
    public async Task Nor_does_one_that_was_sent_before_the_agent_came(int bytesBefore, string flags)
    {
        Prerequisites.RequireCommand("python3", "python3");
        using var files = new TempDirectory();
        var passed = Path.Combine(files.Path, "pass.py");

        // What is connected here is all closed by the exec, but for the socket that is passed and who would have to read from the slow one.
        await File.WriteAllTextAsync(passed, $"""
            {MakeOneWhoseCloseWaits}
            {Listen(files)}
            agent = socket.socket(socket.AF_UNIX)
            agent.connect('{files["agent.sock"]}')
            agent.send(bytes({bytesBefore}))
            send(agent, {flags})
            reader.set_inheritable(True)
            os.dup2(reader.fileno(), 20)
            {BecomeTheAgent}
            """, TestContext.Current.CancellationToken);
        using var agent = AgentProcess.Start(files, $"exec python3 {passed}");
        using var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]);
        Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        Wait.Until(() => agent.Output.Contains("bad request", StringComparison.Ordinal));
        await agent.StopAsync();
    }

    [Fact]
    public async Task Sockets_that_wait_to_be_closed_do_not_keep_the_loop_busy()
    {
        Prerequisites.RequireCommand("python3", "python3");
        using var files = new TempDirectory();
        var passed = Path.Combine(files.Path, "pass.py");

        // They have connected before the agent came, and send when it waits for them. The first one's close waits, and the others' for that.
        await File.WriteAllTextAsync(passed, $"""
            import time
            {MakeOneWhoseCloseWaits}
            {Listen(files)}
            peers = [socket.socket(socket.AF_UNIX) for _ in range(4)]
            if os.fork() == 0:
                for peer in peers: peer.connect('{files["agent.sock"]}')
                open('{files["connected"]}', 'w').close()
                while not os.path.exists('{files["go"]}'): time.sleep(0.01)
                send(peers[0])
                slow.close()
                for peer in peers[1:]: peer.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0]))])
                for peer in peers: peer.close()
                while not os.path.exists('{files["end"]}'): time.sleep(0.01)
                os._exit(0)
            while not os.path.exists('{files["connected"]}'): time.sleep(0.01)
            {BecomeTheAgent}
            """, TestContext.Current.CancellationToken);
        using var agent = AgentProcess.Start(files, $"exec python3 {passed}");
        using (var plugin = PluginProcess.Start(files["agent.sock"], files["hints"]))
        {
            // Answered after them, so it has looked at each.
            Assert.Equal("ok 0", plugin.Do("register 1 10.0.0.1 10.0.0.2"));
        }

        await File.WriteAllTextAsync(files["go"], "", TestContext.Current.CancellationToken);
        Wait.Until(() => agent.Output.Split('\n').Count(line => line.Contains("bad request", StringComparison.Ordinal)) == 4);
        Wait.Until(() => agent.SleepsForGood);
        await File.WriteAllTextAsync(files["end"], "", TestContext.Current.CancellationToken);
        await agent.StopAsync();
    }

    [Fact]
    public async Task A_byte_out_of_band_is_a_byte_to_who_has_to_look_for_descriptors()
    {
        Prerequisites.RequireCommand("python3", "python3");
        using var files = new TempDirectory();
        var passed = Path.Combine(files.Path, "pass.py");

        // Who has connected before the agent came may have brought some. The last byte of the request is the one out of band.
        await File.WriteAllTextAsync(passed, $"""
            import os, socket, sys
            {Listen(files)}
            sent, has_sent = os.pipe()
            if os.fork() == 0:
                peer = socket.socket(socket.AF_UNIX)
                peer.connect('{files["agent.sock"]}')
                peer.send(bytes.fromhex('{Convert.ToHexString(RegistrationTests.Register(1))}'), socket.MSG_OOB)
                os.close(has_sent)
                with open('{files["answer"]}', 'w') as file: print(peer.recv(16).hex(), file=file)
                os._exit(0)
            os.close(has_sent)
            os.read(sent, 1)
            {BecomeTheAgent}
            """, TestContext.Current.CancellationToken);
        using var agent = AgentProcess.Start(files, $"exec python3 {passed}");
        Wait.Until(() => File.Exists(files["answer"]) && File.ReadAllText(files["answer"]) == "5249504d100080000000000000000000\n");
        await agent.StopAsync();
    }

    /// <summary>The socket that systemd would have made, as "passed".</summary>
    private static string Listen(TempDirectory files) => $"""
        passed = socket.socket(socket.AF_UNIX)
        passed.bind('{files["agent.sock"]}')
        passed.listen(100)
        """;

    /// <summary>Runs the agent with it. By way of another number: a descriptor that is 3 already would stay closed on exec.</summary>
    private const string BecomeTheAgent = """
        os.dup2(passed.fileno(), 41)
        os.dup2(41, 3)
        os.environ |= dict(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='registration')
        os.execv(sys.argv[2], sys.argv[2:])
        """;

    /// <summary>
    /// A TCP connection whose other end does not read, and whose close waits an hour for that (SO_LINGER). Without a copy of it in the sender the
    /// one on the way is the last.
    /// </summary>
    internal const string MakeOneWhoseCloseWaits = """
        import array, os, socket, struct, sys
        listener = socket.create_server(('127.0.0.1', 0))
        slow = socket.create_connection(listener.getsockname())
        reader, _ = listener.accept()
        slow.setblocking(False)
        try:
            while True: slow.send(bytes(65536))
        except BlockingIOError: pass
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 3600))
        def send(to, flags=0): to.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [slow.fileno()]))], flags)
        """;

    [Fact]
    public async Task A_process_whose_registration_was_refused_is_none_of_its_users()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => (options.Limits.ProcessesPerUser, options.Limits.SlotsPerUser) = (2, 1));
        using var one = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        using var refused = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        using var two = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        Assert.Equal("ok 0", one.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("status 1", refused.Do("register 1 10.0.0.1 10.0.0.3"));
        Assert.Equal("ok 0", two.Do("register 1 10.0.0.1 10.0.0.2"));
    }

    [Fact]
    public async Task One_user_has_only_so_many_processes()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Limits.ProcessesPerUser = 2);
        using var one = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        using var two = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        using var three = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        Assert.Equal("ok 0", one.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 0", two.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("status 1", three.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok 0", one.Do("register 2 10.0.0.1 10.0.0.2"));
        Assert.Equal("ok", two.Do("deregister 1"));
        Assert.Equal("ok 0", three.Do("register 1 10.0.0.1 10.0.0.2"));
        Assert.Contains("ProcessesPerUser", agent.Log.Single("register-refused"), StringComparison.Ordinal);
    }
}
