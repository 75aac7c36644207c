using System.Diagnostics;
using System.Text;
using MpibAgent.Interface;
using MpibAgent.Slots;

namespace MpibAgent.Tests.Control;

public sealed class ControlFifoTests
{
    [Fact]
    public async Task A_command_changes_what_a_reader_of_the_region_sees()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        Write(agent, "0 2\n");
        Wait.Until(() => reader.Read(0).SupBw == 2);
        Write(agent, "all 9\n");
        Wait.Until(() => Enumerable.Range(0, 256).All(slot => reader.Read(slot).SupBw == 9));
    }

    [Fact]
    public async Task Commands_act_in_the_order_of_their_lines_also_over_many_reads()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        Write(agent, string.Concat(Enumerable.Range(0, 30000).Select(i => $"{i % 256} {i}\n")) + "0 77\n");
        Wait.Until(() => reader.Read(0).SupBw == 77);
        Assert.All(Enumerable.Range(1, 255), slot => Assert.Equal(LastOf(slot), reader.Read(slot).SupBw));

        static uint LastOf(int slot) => (uint)Enumerable.Range(0, 30000).Last(i => i % 256 == slot);
    }

    [Fact]
    public async Task Several_writers_at_once_lose_nothing()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(() =>
        {
            for (var i = 1; i <= 200; i++)
            {
                Write(agent, $"{writer} {i}\n");
            }
        })));
        Wait.Until(() => Enumerable.Range(0, 8).All(writer => reader.Read(writer).SupBw == 200));
        Assert.Equal(1600, agent.Log.Count("hint-set"));
    }

    [Fact]
    public async Task A_writer_that_never_stops_gets_no_more_of_a_turn_than_of_the_one_before()
    {
        await using var agent = await RunningAgent.StartAsync();
        var inTurns = new List<long>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var writer = new FileStream(agent.Options.Control.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

        // On the loop's thread: more than is read meanwhile, and then the news of one line more in every turn.
        await agent.Loop.InvokeAsync(() => writer.Write(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("0 2\n", 12_000)))));
        agent.Loop.Post(Turn);
        await done.Task;
        Assert.All(inTurns.Zip(inTurns.Skip(1)), turn => Assert.InRange(turn.Second - turn.First, 0, 1024 / "0 2\n".Length));

        void Turn()
        {
            inTurns.Add(agent.Table.Counts.HintWrites(HintSource.Operator));
            if (inTurns.Count == 9)
            {
                done.SetResult();
                return;
            }

            writer.Write("0 2\n"u8);
            agent.Loop.Post(Turn);
        }
    }

    [Fact]
    public async Task A_last_line_without_a_newline_counts_when_its_writer_has_gone()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        Write(agent, "1 1\n0 5");
        Wait.Until(() => reader.Read(0).SupBw == 5);
    }

    [Fact]
    public async Task A_line_that_comes_in_pieces_is_one_for_as_long_as_its_writer_stays()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        using var writer = new FileStream(agent.Options.Control.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        writer.Write("1 4\n0 5"u8);
        Wait.Until(() => reader.Read(1).SupBw == 4);

        // A timer of the same loop: all that was set for a line that is quiet would have come first.
        var later = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await agent.Loop.InvokeAsync(() => agent.Loop.CreateTimer(later.SetResult).Arm(TimeSpan.FromSeconds(1.1)));
        await later.Task;
        writer.Write("3\n"u8);
        Wait.Until(() => reader.Read(0).SupBw == 53);
        Assert.Equal(2, agent.Log.Count("hint-set"));
    }

    [Fact]
    public async Task What_is_refused_changes_nothing_and_is_told_with_the_reason()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        Write(agent, "300 1\n0 x\u001b[2J\n0 4\n");
        Wait.Until(() => reader.Read(0).SupBw == 4);
        var told = agent.Log.Lines.Where(line => line.Event == "command-refused").Select(line => line.Message).ToList();
        Assert.Equal(2, told.Count);
        Assert.Contains("\"300 1\" refused: expected a slot of 0 to 255", told[0], StringComparison.Ordinal);
        Assert.Contains("0 x\\x1B[2J", told[1], StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\u001b', told[1]);
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_refused_though_its_beginning_is_a_command()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        Write(agent, $"0 2{new string(' ', 5000)}\n1 4\n");
        Wait.Until(() => reader.Read(1).SupBw == 4);
        Assert.Equal(1u, reader.Read(0).SupBw);
        Assert.Contains("expected at most 4096 bytes before the newline", agent.Log.Single("command-refused"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_comment_may_be_as_long_as_it_likes()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        Write(agent, $" # {new string('x', 6000)}\n1 4\n");
        Wait.Until(() => reader.Read(1).SupBw == 4);
        Assert.Equal(0, agent.Log.Count("command-refused"));
    }

    [Fact]
    public async Task Who_asks_for_the_status_just_before_a_stop_is_answered()
    {
        await using var agent = await RunningAgent.StartAsync();
        Write(agent, "status\nstatus\n");
        agent.WaitUntil(() => agent.Log.Count("policy-status") > 0);
        await agent.StopAsync();
        Assert.Equal(2, agent.Log.Count("policy-status"));
    }

    [Fact]
    public async Task Under_ppm1024_more_than_1024_is_refused()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Hints.Encoding = HintEncoding.Ppm1024);
        using var reader = agent.Reader();
        Write(agent, "0 1025\n1 1024\n");
        Wait.Until(() => reader.Read(1).SupBw == 1024);
        Assert.Equal(1u, reader.Read(0).SupBw);
    }

    [Fact]
    public async Task A_writer_that_never_stops_does_not_keep_registrations_out()
    {
        await using var agent = await RunningAgent.StartAsync();
        var watch = Stopwatch.StartNew();
        using var flood = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec yes 'not a command' > {agent.Options.Control.Path}"]))!;
        try
        {
            Wait.Until(() => agent.Log.Count("command-refused") > 0);
            using var client = agent.Connect();
            for (var i = 0u; i < 100; i++)
            {
                Assert.Equal(ResponseStatus.Success, client.Register(i, new Ipv4Address(1), new Ipv4Address(2)).Status);
            }

            Assert.False(flood.HasExited);
            Assert.InRange(agent.Log.Count("command-refused"), 1, RunningAgent.MostComplaintsIn(watch.Elapsed));
        }
        finally
        {
            flood.Kill();
            flood.WaitForExit();
        }
    }

    [Fact]
    public async Task Lines_are_never_cut_however_busy_the_fifo_is_and_whenever_the_agent_stops()
    {
        using var files = new TempDirectory();
        for (var i = 0; i < 5; i++)
        {
            await using var agent = await RunningAgent.StartAsync(files);
            using var reader = agent.Reader();
            using var flood = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec yes '0 4294967295' > {agent.Options.Control.Path}"])
            {
                RedirectStandardError = true,
            })!;
            Wait.Until(() => agent.Log.Count("hint-set") > 1000);
            await agent.StopAsync();
            flood.WaitForExit();
            Assert.Equal(uint.MaxValue, reader.Read(0).SupBw);
            Assert.Equal(0, agent.Log.Count("command-refused"));
        }
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(60000, 0)]
    public async Task A_line_without_end_does_not_keep_the_agent_from_its_end_and_is_not_carried_out(int bytes, int milliseconds)
    {
        for (var tries = 0; tries < 20; tries++)
        {
            await using var agent = await RunningAgent.StartAsync();
            using var reader = agent.Reader();
            using var isStopped = new ManualResetEventSlim();
            using var fifo = new FileStream(agent.Options.Control.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            fifo.Write("0 3"u8);
            var longestPause = TimeSpan.Zero;
            var writer = Task.Run(() =>
            {
                var pause = Stopwatch.StartNew();
                try
                {
                    for (var isOver = false; !isOver; pause.Restart())
                    {
                        isOver = isStopped.Wait(milliseconds);
                        longestPause = pause.Elapsed > longestPause ? pause.Elapsed : longestPause;
                        fifo.Write(Enumerable.Repeat((byte)'1', bytes).ToArray());
                    }
                }
                catch (IOException)
                {
                    // Nobody reads any more.
                }
            }, TestContext.Current.CancellationToken);

            await agent.StopAsync();
            Assert.False(writer.IsFaulted);
            isStopped.Set();
            await writer;
            if (milliseconds > 0 && longestPause > TimeSpan.FromMilliseconds(40))
            {
                // Kept from its core for as long as the agent waits for more, it had come to an end.
                continue;
            }

            Assert.Contains("its writer does not come to an end", agent.Log.Single("command-refused"), StringComparison.Ordinal);
            Assert.Equal(1u, reader.Read(0).SupBw);
            return;
        }

        Assert.Fail("this machine keeps the writer from its core for 40 ms each time");
    }

    [Fact]
    public async Task A_line_in_two_pieces_is_one_also_where_the_loop_stood_still_between_them()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        var peers = Enumerable.Range(0, 20).Select(_ => agent.ConnectRaw()).ToList();
        foreach (var peer in peers)
        {
            peer.Send(Registration.RegistrationTests.Register(1));
            Registration.RegistrationTests.Receive(peer, 16);
        }

        // All of them have their place in the epoll after another turn.
        agent.WaitUntil(() => agent.Listener.PeerCount == peers.Count);
        agent.OnLoop(() => 0);

        using var fifo = new FileStream(agent.Options.Control.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        await agent.Loop.InvokeAsync(() =>
        {
            fifo.Write("0 1"u8);

            // The loop reads that in the next turn, and comes to this in the one after it. More than a turn's events are ready before the line goes on,
            // and the time for that is over.
            agent.Loop.Post(() => agent.Loop.Post(() =>
            {
                peers.ForEach(peer => peer.Send(Registration.RegistrationTests.Register(1)));
                fifo.Write("2\n"u8);
                Thread.Sleep(TimeSpan.FromMilliseconds(100));
            }));
        });

        Wait.Until(() => reader.Read(0).SupBw != 1);
        Assert.Equal(12u, reader.Read(0).SupBw);
        Assert.Equal(0, agent.Log.Count("command-refused"));
        peers.ForEach(peer => peer.Dispose());
    }

    [Fact]
    public async Task Who_asks_for_the_status_without_end_is_answered_now_and_then()
    {
        await using var agent = await RunningAgent.StartAsync();
        Write(agent, string.Concat(Enumerable.Repeat("status\n", 100)));
        agent.WaitUntil(() => agent.Log.Count("policy-status") == 2);
        Write(agent, "0 9\nstatus\n");
        agent.WaitUntil(() => agent.Log.Count("policy-status") == 3);
        Assert.Contains("hint 9", agent.Log.Single("slot-status"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fifo_stays_and_a_next_agent_takes_it_over()
    {
        using var files = new TempDirectory();
        await using (var first = await RunningAgent.StartAsync(files))
        {
            Assert.Equal((UnixFileMode)0b110_010_000, File.GetUnixFileMode(first.Options.Control.Path));
        }

        var inode = FileStatus.Of(files["control"])!.Value.Inode;
        await using var second = await RunningAgent.StartAsync(files);
        Assert.Equal(inode, FileStatus.Of(files["control"])!.Value.Inode);
        using var reader = second.Reader();
        Write(second, "3 3\n");
        Wait.Until(() => reader.Read(3).SupBw == 3);
    }

    [Fact]
    public async Task Two_agents_do_not_share_one_and_the_first_keeps_its_mode_and_its_commands()
    {
        using var files = new TempDirectory();
        await using var first = await RunningAgent.StartAsync(files);
        using var hasTried = new ManualResetEventSlim();
        var busy = first.Loop.InvokeAsync(() => hasTried.Wait(TimeSpan.FromSeconds(60)));
        Write(first, "0 5\n");
        using var others = new TempDirectory();
        var fault = await Assert.ThrowsAsync<Fault>(() => RunningAgent.StartAsync(others, configure: options =>
            (options.Control.Path, options.Control.Mode, options.State.Path) = (files["control"], "0600", others["state"])));
        Assert.Contains($"{files["status.json"]}: another agent writes it", fault.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(files["status.json"]));
        Assert.Equal((UnixFileMode)0b110_010_000, File.GetUnixFileMode(files["control"]));
        hasTried.Set();
        await busy;
        first.WaitUntil(() => first.Table.HintOf(0) == 5);
    }

    [Fact]
    public async Task A_file_in_its_place_is_refused_and_left_alone()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["control"], "0 2\n");
        var fault = await Assert.ThrowsAsync<Fault>(() => RunningAgent.StartAsync(files));
        Assert.Contains("expected a FIFO, found a regular file", fault.Message, StringComparison.Ordinal);
        Assert.Equal("0 2\n", File.ReadAllText(files["control"]));
    }

    private static void Write(RunningAgent agent, string text)
    {
        using var writer = new StreamWriter(agent.Options.Control.Path);
        writer.Write(text);
    }
}
