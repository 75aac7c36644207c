using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Registration;

/// <summary>The protocol over a real socket, by peers that behave.</summary>
public sealed class RegistrationTests
{
    internal static readonly Ipv4Address A = Ipv4Address.Parse("10.0.0.1");
    internal static readonly Ipv4Address B = Ipv4Address.Parse("10.0.0.2");

    [Fact]
    public async Task A_registration_becomes_a_slot_becomes_bytes_in_the_region()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        using var client = agent.Connect();

        var response = client.Register(1, A, B);
        Assert.Equal((ResponseStatus.Success, 0u), (response.Status, response.HintSlot));
        Assert.Equal((A, B, 1u), (reader.Read(0).Source, reader.Read(0).Destination, reader.Read(0).SupBw));

        Assert.Equal(ResponseStatus.Success, client.Deregister(1).Status);
        Assert.Equal((default, default, 1u), (reader.Read(0).Source, reader.Read(0).Destination, reader.Read(0).SupBw));
    }

    [Fact]
    public async Task The_reply_has_the_contracts_bytes()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var socket = agent.ConnectRaw();
        socket.Send(Convert.FromHexString("5249504D1C0001FF010000000A0000010A0000021400000114000002"));
        Assert.Equal("5249504D10008000" + "00000000" + "00000000", Receive(socket, 16));
        socket.Send(Convert.FromHexString("5249504D0C0002FF01000000"));
        Assert.Equal("5249504D0C008000" + "00000000", Receive(socket, 12));
    }

    [Fact]
    public async Task A_request_in_pieces_is_answered_when_it_is_whole()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var socket = agent.ConnectRaw();
        foreach (var piece in Register(7))
        {
            socket.Send([piece]);
        }

        Assert.Equal("5249504D10008000" + "00000000" + "00000000", Receive(socket, 16));
    }

    [Fact]
    public async Task Requests_sent_in_one_go_are_answered_in_order()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var socket = agent.ConnectRaw();
        const int Count = 500;
        var requests = Enumerable.Range(0, Count).SelectMany(i => Register((uint)i, (uint)(i % 200)));
        var sending = Task.Run(() => socket.Send(requests.ToArray()));
        for (var i = 0; i < Count; i++)
        {
            Assert.Equal((uint)(i % 200), BitConverter.ToUInt32(Convert.FromHexString(Receive(socket, 16)), 12));
        }

        await sending;
        Assert.Equal(Count, agent.OnLoop(() => agent.Table.ConnectionCount));
    }

    [Fact]
    public async Task Deregistering_what_is_not_registered_succeeds_with_a_warning()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Deregister(99).Status);
        client.Register(1, A, B);
        Assert.Equal(ResponseStatus.Success, client.Deregister(98).Status);
        Assert.Equal(2, agent.Log.Count("not-registered"));
        Assert.Equal(1, agent.OnLoop(() => agent.Table.ConnectionCount));
    }

    [Fact]
    public async Task The_257th_flow_gets_status_1_until_a_slot_is_free()
    {
        await using var agent = await RunningAgent.StartAsync(configure: options => options.Limits.SlotsPerUser = 256);
        using var client = agent.Connect();
        for (var i = 0u; i < 256; i++)
        {
            Assert.Equal(i, client.Register(i, A, new Ipv4Address(i)).HintSlot);
        }

        var refused = client.Register(1000, A, new Ipv4Address(1000));
        Assert.Equal((ResponseStatus.NoFreeSlots, 0xFFFFFFFFu), (refused.Status, refused.HintSlot));
        Assert.Contains("all 256 slots have a flow", agent.Log.Single("register-refused"), StringComparison.Ordinal);
        client.Deregister(37);
        Assert.Equal(37u, client.Register(1000, A, new Ipv4Address(1000)).HintSlot);
    }

    [Fact]
    public async Task An_address_of_zero_is_served_and_warned_of()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, A, default).Status);
        Assert.Contains("0.0.0.0", agent.Log.Single("any-address"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_that_was_there_before_and_has_no_listener_is_replaced()
    {
        using var files = new TempDirectory();
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(files["other"]));
            File.Move(files["other"], files["agent.sock"]);
        }

        await using var agent = await RunningAgent.StartAsync(files);
        using var client = agent.Connect();
        Assert.Equal(ResponseStatus.Success, client.Register(1, A, B).Status);
        Assert.Equal((UnixFileMode)0b110_110_110, File.GetUnixFileMode(files["agent.sock"]));
    }

    [Fact]
    public async Task A_socket_that_somebody_listens_to_is_left_alone()
    {
        using var files = new TempDirectory();
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(files["agent.sock"]));
        other.Listen();
        var fault = await Assert.ThrowsAsync<Fault>(() => RunningAgent.StartAsync(files));
        Assert.Contains("somebody is listening there already", fault.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(files["agent.sock"]));
    }

    [Fact]
    public async Task So_is_one_whose_listener_has_no_room_for_another_peer()
    {
        using var files = new TempDirectory();
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(files["agent.sock"]));
        other.Listen(0);

        // With a backlog of none one can wait.
        using var waiting = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        waiting.Connect(new UnixDomainSocketEndPoint(files["agent.sock"]));
        await Assert.ThrowsAsync<Fault>(() => RunningAgent.StartAsync(files));
        Assert.True(File.Exists(files["agent.sock"]));
    }

    [Fact]
    public async Task A_file_in_its_place_is_refused_and_left_alone()
    {
        using var files = new TempDirectory();
        File.WriteAllText(files["agent.sock"], "precious");
        var fault = await Assert.ThrowsAsync<Fault>(() => RunningAgent.StartAsync(files));
        Assert.Contains("expected a socket, found a regular file", fault.Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(files["agent.sock"]));
    }

    [Fact]
    public async Task A_stop_leaves_a_socket_that_another_has_put_in_its_place()
    {
        using var files = new TempDirectory();
        await using var agent = await RunningAgent.StartAsync(files);
        File.Delete(files["agent.sock"]);
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(files["agent.sock"]));
        await agent.StopAsync();
        Assert.True(File.Exists(files["agent.sock"]));
    }

    [Fact]
    public async Task A_stop_answers_what_was_sent_and_takes_the_socket_away()
    {
        var agent = await RunningAgent.StartAsync();
        await using (agent)
        {
            using var idle = agent.Connect();
            idle.Register(1, A, B);
            using var late = agent.ConnectRaw();
            late.Send(Register(2)[..20]);
            agent.WaitUntil(() => agent.Listener.PeerCount == 2);

            var stopping = agent.StopAsync();
            late.Send(Register(2)[20..]);
            Assert.Equal("5249504D10008000" + "00000000" + "01000000", Receive(late, 16));
            Assert.Equal(0, late.Receive(new byte[1]));
            await stopping;
            Assert.False(File.Exists(agent.Options.Registration.Path));
        }
    }

    internal static byte[] Register(uint connId, uint destination = 1)
    {
        var request = new RegisterRequest
        {
            Header = new MessageHeader(MessageType.Register, RegisterRequest.Size),
            ConnId = connId,
            SoutSource = A,
            SoutDestination = new Ipv4Address(destination),
        };
        var bytes = new byte[Unsafe.SizeOf<RegisterRequest>()];
        MemoryMarshal.Write(bytes, in request);
        return bytes;
    }

    internal static string Receive(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var have = 0; have < count;)
        {
            var got = socket.Receive(bytes.AsSpan(have));
            Assert.True(got > 0, $"expected {count} bytes, got {have} and the end");
            have += got;
        }

        return Convert.ToHexString(bytes);
    }
}
