using System.Globalization;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Hints;

/// <summary>
/// Readers in other processes look for an entry whose parts are of two writes, while the region is written as fast as it goes. A reader that
/// ignores seq must find some: otherwise the hunt proves nothing.
/// </summary>
public sealed class TornReadTests
{
    [Fact]
    public async Task A_reader_that_minds_seq_sees_no_torn_entry_and_one_that_does_not_sees_some()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var careful = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        using var careless = PluginProcess.Start(agent.Options.Registration.Path, agent.Options.Hints.Path);
        using var done = new CancellationTokenSource();

        // What the region begins with does not fit the relation that the hunters look for.
        Write(agent, 1);
        var writing = Task.Run(() =>
        {
            for (var hint = 1u; !done.IsCancellationRequested; hint++)
            {
                Write(agent, hint);
                Thread.SpinWait(20);
            }
        }, TestContext.Current.CancellationToken);

        var hunts = await Task.WhenAll(
            Task.Run(() => careful.Do("hunt 0 2"), TestContext.Current.CancellationToken),
            Task.Run(() => careless.Do("hunt-noseq 0 2"), TestContext.Current.CancellationToken));
        await done.CancelAsync();
        await writing;

        Assert.True(Number(hunts[0], "reads") > 0, hunts[0]);
        Assert.Equal(0, Number(hunts[0], "torn"));
        Assert.True(Number(hunts[1], "torn") > 0, hunts[1]);
    }

    [Fact]
    public async Task A_hint_change_never_leaves_seq_odd()
    {
        await using var agent = await RunningAgent.StartAsync();
        using var reader = agent.Reader();
        for (var i = 0u; i < 1000; i++)
        {
            agent.Region.WriteHint(9, i);
            Assert.Equal((i, (i + 1) * 2), (reader.Read(9).SupBw, reader.Read(9).Seq));
        }
    }

    private static void Write(RunningAgent agent, uint hint)
    {
        var source = unchecked(hint * 2654435761u);
        agent.Region.WriteEntry(0, new Ipv4Address(source), new Ipv4Address(~source), hint);
    }

    private static long Number(string answer, string name)
    {
        var words = answer.Split(' ');
        return long.Parse(words[Array.IndexOf(words, name) + 1], CultureInfo.InvariantCulture);
    }
}
