using System.Net.Sockets;
using System.Text;

namespace MpibAgent.Tests.Systemd;

public sealed class NotifySocketTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Systemd_hears_of_the_start_the_status_the_watchdog_and_the_stop(bool isAbstract)
    {
        using var files = new TempDirectory();
        var name = files["notify"];
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        systemd.Bind(new UnixDomainSocketEndPoint(isAbstract ? "\0" + name : name));
        using var agent = AgentProcess.Start(files, before: $"export NOTIFY_SOCKET={(isAbstract ? "@" : "")}{name} WATCHDOG_USEC=20000000;");

        Assert.Equal(["READY=1", "STATUS=policy manual, 0 flows, 0 connections", "WATCHDOG=1"], Hear(systemd, 3).Order());

        await agent.StopAsync();
        Assert.Equal(["STOPPING=1"], Hear(systemd, 1));
    }

    private static List<string> Hear(Socket systemd, int count)
    {
        var bytes = new byte[4096];
        return [.. Enumerable.Range(0, count).Select(_ => Encoding.UTF8.GetString(bytes, 0, systemd.Receive(bytes)))];
    }
}
