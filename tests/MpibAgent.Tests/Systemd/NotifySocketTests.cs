using System.Net.Sockets;
using System.Text;

namespace MpibAgent.Tests.Systemd;

public sealed class NotifySocketTests
{
    [Theory]
    [InlineData(false, "TERM")]
    [InlineData(true, "TERM")]
    [InlineData(false, "INT")]
    public async Task Systemd_hears_of_the_start_the_status_the_watchdog_and_the_stop(bool isAbstract, string signal)
    {
        using var files = new TempDirectory();
        var name = files["notify"];
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        systemd.Bind(new UnixDomainSocketEndPoint(isAbstract ? "\0" + name : name));
        using var agent = AgentProcess.Start(files, before: $"export NOTIFY_SOCKET={(isAbstract ? "@" : "")}{name} WATCHDOG_USEC=20000000;");

        Assert.Equal(["READY=1", "STATUS=policy manual, 0 flows, 0 connections", "WATCHDOG=1"], Hear(systemd, 3).Order());

        await agent.StopAsync(signal);
        Assert.Equal(["STOPPING=1"], Hear(systemd, 1));
    }

    [Fact]
    public async Task It_stops_though_systemd_reads_nothing()
    {
        using var files = new TempDirectory();
        var name = files["notify"];
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(name));
        using var agent = AgentProcess.Start(files, before: $"export NOTIFY_SOCKET={name} WATCHDOG_USEC=20000000;");
        Fill(name);

        await agent.StopAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    /// <summary>Until nobody can send: a single sender comes to the end of its own room first.</summary>
    private static void Fill(string name)
    {
        var senders = new List<Socket>();
        int sent;
        do
        {
            var sender = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            senders.Add(sender);
            sender.Connect(new UnixDomainSocketEndPoint(name));
            for (sent = 0; TrySend(sender); sent++)
            {
            }
        }
        while (sent > 0);

        // What they sent stays.
        senders.ForEach(sender => sender.Dispose());
    }

    private static bool TrySend(Socket sender)
    {
        try
        {
            return sender.Send("X=1"u8) > 0;
        }
        catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
        {
            return false;
        }
    }

    private static List<string> Hear(Socket systemd, int count)
    {
        var bytes = new byte[4096];
        return [.. Enumerable.Range(0, count).Select(_ => Encoding.UTF8.GetString(bytes, 0, systemd.Receive(bytes)))];
    }
}
