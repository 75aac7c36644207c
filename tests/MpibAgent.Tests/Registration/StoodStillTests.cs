using System.Diagnostics;
using System.Net.Sockets;

namespace MpibAgent.Tests.Registration;

/// <summary>An agent that was stopped for a while, by a signal or a debugger: who asked meanwhile is answered, however many came at once.</summary>
public sealed class StoodStillTests
{
    private const string Granted = "5249504D10008000" + "00000000" + "00000000";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void More_requests_at_once_than_peers_may_be_are_all_answered(bool stops)
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files, arguments: "--max-peers 4");
        agent.Signal("STOP");
        var peers = Enumerable.Range(0, 64).Select(_ => agent.ConnectRaw()).ToList();
        peers.ForEach(peer => peer.Send(RegistrationTests.Register(1)));
        if (stops)
        {
            agent.Signal("TERM");
        }

        agent.Signal("CONT");
        foreach (var peer in peers)
        {
            Assert.Equal(Granted, RegistrationTests.Receive(peer, 16));
            peer.Dispose();
        }
    }

    [Fact]
    public void A_request_that_came_meanwhile_counts_before_the_time_in_which_there_was_none()
    {
        using var files = new TempDirectory();
        using var agent = AgentProcess.Start(files, arguments: "--idle-timeout 2");
        var peers = Enumerable.Range(0, 40).Select(_ => agent.ConnectRaw()).ToList();
        peers.ForEach(peer => peer.Send(RegistrationTests.Register(1)));
        peers.ForEach(peer => Assert.Equal(Granted, RegistrationTests.Receive(peer, 16)));

        agent.Signal("STOP");
        var since = Stopwatch.StartNew();
        Wait.Until(() => since.Elapsed > TimeSpan.FromSeconds(2.5));
        peers.ForEach(peer => peer.Send(RegistrationTests.Register(1)));
        agent.Signal("CONT");

        peers.ForEach(peer => Assert.Equal(Granted, RegistrationTests.Receive(peer, 16)));
        peers.ForEach(peer => peer.Dispose());
    }
}
