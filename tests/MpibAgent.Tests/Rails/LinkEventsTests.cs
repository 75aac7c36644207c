using MpibAgent.Rails;

namespace MpibAgent.Tests.Rails;

public sealed class LinkEventsTests
{
    [Fact]
    public async Task Where_the_loop_has_no_room_for_them_it_is_said_once_and_nothing_else_happens()
    {
        var log = new CapturedLog();
        using var lifetime = new TestLifetime();
        using var loop = new EventLoop(TimeProvider.System, lifetime, log.For<EventLoop>());
        await loop.StartAsync(TestContext.Current.CancellationToken);

        // The kernel refuses every descriptor now, as it does with no memory for one.
        loop.Dispose();
        using var links = new LinkEvents(loop, log.For<RailPair>());
        links.Open((_, _) => { });
        links.Open((_, _) => { });
        Assert.False(links.IsOpen);
        Assert.Contains("epoll_ctl", log.Single("links-not-told"), StringComparison.Ordinal);
    }
}
