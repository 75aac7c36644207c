using System.Diagnostics;
using System.Net.Sockets;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Registration;

/// <summary>Peers that break the protocol, dawdle or flood: they get what the contract says, and nobody else notices.</summary>
public sealed class HostilePeerTests
{
    [Theory]
    [InlineData("DEADBEEF", "")]
    [InlineData("DEADBEEF00000000", "")]
    [InlineData("5249504D1B000100", "5249504D10008000" + "02000000" + "FFFFFFFF")]
    [InlineData("5249504D1C000900", "5249504D10008000" + "02000000" + "FFFFFFFF")]
    [InlineData("5249504D00000900", "5249504D10008000" + "02000000" + "FFFFFFFF")]
    [InlineData("5249504D0D000200", "5249504D0C008000" + "02000000")]
    public async Task A_bad_request_is_answered_where_the_magic_was_right_and_closes_the_socket(string hex, string reply)
    {
        await using var agent = await RunningAgent.StartAsync();
        using var socket = agent.ConnectRaw();
        socket.Send(Convert.FromHexString(hex));
        Assert.Equal(reply, RegistrationTests.Receive(socket, reply.Length / 2));
        Assert.Equal(0, ReceiveEnd(socket));
        agent.WaitUntil(() => agent.Listener.PeerCount == 0);
        Assert.Equal(1, agent.Log.Count("bad-request"));
    }

    [Theory]
    [InlineData(2, "")]
    [InlineData(4, "5249504D10008000" + "02000000" + "FFFFFFFF")]
    [InlineData(8, "5249504D10008000" + "02000000" + "FFFFFFFF")]
    [InlineData(27, "5249504D10008000" + "02000000" + "FFFFFFFF")]
    public async Task A_message_cut_short_registers_nothing(int length, string reply)
    {
        await using var agent = await RunningAgent.StartAsync();
        using var socket = agent.ConnectRaw();
        socket.Send(RegistrationTests.Register(1)[..length]);
        socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(reply, RegistrationTests.Receive(socket, reply.Length / 2));
        Assert.Equal(0, ReceiveEnd(socket));
        Assert.Equal(0, agent.OnLoop(() => agent.Table.ConnectionCount));
        Assert.Contains("cut short", agent.Log.Single("bad-request"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_good_request_before_a_bad_one_holds()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var socket = agent.ConnectRaw();
        socket.Send([.. RegistrationTests.Register(1), .. "not a request at all"u8]);
        Assert.Equal("5249504D10008000" + "00000000" + "00000000", RegistrationTests.Receive(socket, 16));
        Assert.Equal(0, ReceiveEnd(socket));
        Assert.Equal(1, agent.OnLoop(() => agent.Table.ConnectionCount));
    }

    [Fact]
    public async Task Silent_and_slow_peers_hold_nobody_up()
    {
        await using var agent = await RunningAgent.StartAsync();
        var slow = Enumerable.Range(0, 300).Select(_ => agent.ConnectRaw()).ToList();
        slow.Take(100).ToList().ForEach(socket => socket.Send(RegistrationTests.Register(1)[..5]));
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, RegistrationTests.A, RegistrationTests.B).Status);
        slow.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_peer_idle_for_too_long_is_closed_and_keeps_its_registrations()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Registration.IdleTimeoutSec = 1);
        using var silent = agent.ConnectRaw();
        using var half = agent.ConnectRaw();
        half.Send(RegistrationTests.Register(1)[..10]);
        using var served = agent.ConnectRaw();
        served.Send(RegistrationTests.Register(2));
        RegistrationTests.Receive(served, 16);

        Assert.Equal((0, 0, 0), (ReceiveEnd(silent), ReceiveEnd(half), ReceiveEnd(served)));
        Assert.Equal((0, 1), agent.OnLoop(() => (agent.Listener.PeerCount, agent.Table.ConnectionCount)));
    }

    [Fact]
    public async Task Dripping_bytes_is_idle_too()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Registration.IdleTimeoutSec = 1);
        using var socket = agent.ConnectRaw();
        var bytes = RegistrationTests.Register(1);
        var at = 0;
        Wait.Until(() => Drip() || agent.OnLoop(() => agent.Listener.PeerCount == 0));
        Assert.True(at < bytes.Length);

        // A byte every 100 ms: whole only after three seconds.
        bool Drip()
        {
            if (socket.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead))
            {
                return true;
            }

            socket.Send(bytes, at++, 1, SocketFlags.None);
            return false;
        }
    }

    [Fact]
    public async Task At_the_limit_the_peer_idle_longest_makes_room()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Registration.MaxPeers = 10);
        using var oldest = agent.ConnectRaw();
        var others = Enumerable.Range(0, 9).Select(_ => agent.ConnectRaw()).ToList();
        agent.WaitUntil(() => agent.Listener.PeerCount == 10);
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, RegistrationTests.A, RegistrationTests.B).Status);
        Assert.Equal(0, ReceiveEnd(oldest));
        Assert.Equal(10, agent.OnLoop(() => agent.Listener.PeerCount));
        Assert.Contains("the limit is MaxPeers=10", agent.Log.Single("peer-dropped"), StringComparison.Ordinal);
        others.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task At_the_limit_who_has_most_sockets_makes_room_and_a_slow_request_of_another_user_is_answered()
    {
        Prerequisites.RequireRoot();
        Prerequisites.RequireCommand("python3", "python3");
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Registration.MaxPeers = 10);
        File.SetUnixFileMode(Path.GetDirectoryName(agent.Options.Registration.Path)!, (UnixFileMode)0x1ED);
        using var slow = Process.Start(new ProcessStartInfo("python3", ["-c", $"""
            import os, socket
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
            agent = socket.socket(socket.AF_UNIX)
            agent.connect('{agent.Options.Registration.Path}')
            print('connected', flush=True)
            input()
            agent.send(bytes.fromhex('{Convert.ToHexString(RegistrationTests.Register(1))}'))
            print(agent.recv(16).hex())
            """])
        { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Assert.Equal("connected", await slow.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        agent.WaitUntil(() => agent.Listener.PeerCount == 1);
        var flood = new List<Socket>();
        for (var i = 0; i < 30; i++)
        {
            flood.Add(agent.ConnectRaw());
            agent.WaitUntil(() => agent.Listener.PeerCount == Math.Min(10, flood.Count + 1));
        }

        await slow.StandardInput.WriteLineAsync("go");
        Assert.StartsWith("5249504d10008000", await slow.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        flood.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task At_the_limit_a_peer_that_has_asked_lately_stays()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Registration.MaxPeers = 2);
        using var busy = agent.ConnectRaw();
        using var silent = agent.ConnectRaw();
        agent.WaitUntil(() => agent.Listener.PeerCount == 2);
        Ask(busy);
        using var third = agent.ConnectRaw();
        Wait.Until(() => agent.Log.Count("peer-dropped") == 1);
        Ask(busy);
        Assert.Equal(0, ReceiveEnd(silent));
    }

    [Fact]
    public async Task What_a_peer_left_behind_is_no_matter_of_the_next_one()
    {
        await using var agent = await RunningAgent.StartAsync();
        foreach (var left in new[] { RegistrationTests.Register(1)[..10], "not a request"u8.ToArray() })
        {
            using (var gone = agent.ConnectRaw())
            {
                gone.Send(left);
                gone.Shutdown(SocketShutdown.Send);
                agent.WaitUntil(() => agent.Log.Count("bad-request") > 0 && agent.Listener.PeerCount == 0);
            }

            using var next = agent.ConnectRaw();
            Ask(next);
            Ask(next);
        }
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_ever_for_peers_that_never_ask()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Registration.IdleTimeoutSec = 3600);
        using var silent = agent.ConnectRaw();
        using var half = agent.ConnectRaw();
        half.Send(RegistrationTests.Register(1)[..10]);
        agent.WaitUntil(() => agent.Listener.PeerCount == 2);
        await agent.StopAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_peer_that_never_reads_its_replies_and_hangs_up_is_let_go()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Registration.IdleTimeoutSec = 3600);
        using var deaf = agent.ConnectRaw();
        FillUp(deaf);

        // The socket stays open with all that it holds.
        deaf.Shutdown(SocketShutdown.Both);
        agent.WaitUntil(() => agent.Listener.PeerCount == 0);
    }

    [Fact]
    public async Task A_peer_that_never_reads_its_replies_is_put_off_and_others_are_served()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var deaf = agent.ConnectRaw();
        var sent = FillUp(deaf);

        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, RegistrationTests.A, RegistrationTests.B).Status);

        // Once it reads, it gets a whole reply to each whole request.
        deaf.Blocking = true;
        for (var i = 0; i < sent / RegisterRequest.Size; i++)
        {
            Assert.StartsWith("5249504D10008000" + "00000000", RegistrationTests.Receive(deaf, 16), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_peer_that_hangs_up_before_its_reply_does_no_harm()
    {
        await using var agent = await RunningAgent.StartAsync();
        for (var i = 0u; i < 200; i++)
        {
            using var rude = agent.ConnectRaw();
            rude.Send(RegistrationTests.Register(i));
        }

        agent.WaitUntil(() => agent.Table.ConnectionCount == 200 && agent.Listener.PeerCount == 0);
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, RegistrationTests.A, RegistrationTests.B).Status);
    }

    [Fact]
    public async Task Requests_of_a_peer_that_hangs_up_without_reading_are_all_carried_out()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        using (var rude = agent.ConnectRaw())
        {
            rude.Send(Enumerable.Range(0, 300).SelectMany(i => RegistrationTests.Register((uint)i)).ToArray());
        }

        agent.WaitUntil(() => agent.Table.ConnectionCount == 300);
    }

    [Fact]
    public async Task A_flood_of_bad_requests_logs_a_few_lines()
    {
        await using var agent = await RunningAgent.StartAsync();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 200; i++)
        {
            using var bad = agent.ConnectRaw();
            bad.Send("rubbish!"u8);
            ReceiveEnd(bad);
        }

        Assert.InRange(agent.Log.Count("bad-request"), 1, RunningAgent.MostComplaintsIn(watch.Elapsed));
    }

    private static void Ask(Socket peer)
    {
        peer.Send(RegistrationTests.Register(1));
        Assert.Equal("5249504D10008000" + "00000000" + "00000000", RegistrationTests.Receive(peer, 16));
    }

    /// <summary>Sends requests until both directions are full: the agent has stopped reading. Returns how many bytes.</summary>
    private static long FillUp(Socket deaf)
    {
        deaf.Blocking = false;
        var requests = Enumerable.Range(0, 36).SelectMany(i => RegistrationTests.Register((uint)i)).ToArray();
        var sent = 0L;
        Wait.Until(() =>
        {
            try
            {
                sent += deaf.Send(requests);
                return false;
            }
            catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
            {
                return !deaf.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectWrite);
            }
        });
        return sent;
    }

    /// <summary>0 at the end of the stream, however it comes: close() with bytes unread makes the kernel say "reset".</summary>
    /// <summary>What was sent has been read to its end before the socket was closed, so this is an end and no reset.</summary>
    private static int ReceiveEnd(Socket socket) => socket.Receive(new byte[1]);
}
