using System.Net.Sockets;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Interface;

/// <summary>The client beside a server that is no good agent.</summary>
public sealed class AgentClientTests : IDisposable
{
    private readonly TempDirectory _files = new();
    private readonly Socket _server = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public AgentClientTests()
    {
        _server.Bind(new UnixDomainSocketEndPoint(_files["agent.sock"]));
        _server.Listen();
    }

    public void Dispose()
    {
        _server.Dispose();
        _files.Dispose();
    }

    [Theory]
    [InlineData(100)]
    [InlineData(0.5)]
    public void After_an_answer_that_did_not_come_in_time_it_takes_no_other(double milliseconds)
    {
        using var client = new AgentClient(_files["agent.sock"], TimeSpan.FromMilliseconds(milliseconds));
        using var agent = _server.Accept();
        Assert.Throws<SocketException>(() => client.Register(1, default, default));
        Assert.Throws<ObjectDisposedException>(() => client.Register(2, default, default));
    }

    [Fact]
    public void The_time_is_that_of_the_whole_answer()
    {
        using var client = new AgentClient(_files["agent.sock"], TimeSpan.FromMilliseconds(200));
        using var agent = _server.Accept();
        var trickle = new Thread(() =>
        {
            try
            {
                foreach (var part in Convert.FromHexString("5249504d100080000000000000000000"))
                {
                    Thread.Sleep(50);
                    agent.Send([part]);
                }
            }
            catch (SocketException)
            {
                // It has hung up.
            }
        });
        trickle.Start();
        Assert.Throws<SocketException>(() => client.Register(1, default, default));
        trickle.Join();
    }

    [Fact]
    public void What_is_no_answer_of_an_agent_is_refused()
    {
        using var client = new AgentClient(_files["agent.sock"]);
        using var agent = _server.Accept();
        agent.Send("HTTP/1.1 400 Bad Request\r\n"u8);
        Assert.Contains("got magic 50545448", Assert.Throws<InvalidDataException>(() => client.Register(1, default, default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_in_pieces_is_one()
    {
        using var client = new AgentClient(_files["agent.sock"], TimeSpan.FromSeconds(60));
        using var agent = _server.Accept();
        var pieces = new Thread(() =>
        {
            foreach (var part in Convert.FromHexString("5249504d100080000000000007000000"))
            {
                agent.Send([part]);
            }
        });
        pieces.Start();
        Assert.Equal(7u, client.Register(1, default, default).HintSlot);
        pieces.Join();
    }
}
