using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class UsersTests
{
    [Fact]
    public void Asked_by_several_threads_at_once_each_has_its_own_answer() => Parallel.For(0, 20_000, i =>
    {
        Assert.Equal(0u, Users.IdOf("root"));
        Assert.Equal(1u, Users.IdOf("daemon"));
        Assert.Null(Users.IdOf("nobody-of-this-name"));
        Assert.Equal("root", Users.NameOf(0));
        Assert.Equal($"uid {4_000_000 + i}", Users.NameOf(4_000_000 + (uint)i));
    });
}
