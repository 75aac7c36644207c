using System.Text;
using MpibAgent.Interface;
using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class AgentViewTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Whether_the_agent_lives_shows_without_a_word_to_it()
    {
        Assert.Equal(Liveness.Absent, AgentView.Read(_files["status.json"]).State);
        using (AgentProcess.Start(_files))
        {
            Assert.Equal(Liveness.Alive, AgentView.Read(_files["status.json"]).State);
        }

        // Killed.
        var dead = AgentView.Read(_files["status.json"]);
        Assert.Equal(Liveness.Dead, dead.State);
        Assert.Contains("ended without a stop", dead.Problem, StringComparison.Ordinal);
        using (var next = AgentProcess.Start(_files))
        {
            Assert.Equal(Liveness.Alive, AgentView.Read(_files["status.json"]).State);
            await next.StopAsync();
        }

        Assert.Equal(Liveness.Absent, AgentView.Read(_files["status.json"]).State);
    }

    [Fact]
    public async Task While_the_file_is_replaced_a_live_agent_never_looks_dead()
    {
        await using var agent = await RunningAgent.StartAsync(_files);
        using var client = agent.Connect();
        for (uint i = 0; i < 3000; i++)
        {
            client.Register(1, new Ipv4Address(i + 1), default);
            Assert.Equal(Liveness.Alive, AgentView.Read(_files["status.json"]).State);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"version\":1}")]
    [InlineData("\e[2J")]
    [InlineData("{\"version\":1,\"agent\":null,\"policy\":null,\"hints\":null,\"paths\":null,\"rails\":null,\"slots\":null}")]
    public void What_is_no_snapshot_is_refused(string text)
    {
        Assert.Null(AgentView.Parse(Encoding.UTF8.GetBytes(text), out var problem));
        Assert.StartsWith("expected a snapshot", problem, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', problem);
    }

    [Theory]
    [InlineData("\"region\":\"", "\"region\":\"\\u001b[2J")]
    [InlineData("\"region\":\"/", "\"region\":\"/\\u001b[2J")]
    [InlineData("\"region\":\"/", "\"region\":\"/\\u0000")]
    [InlineData("\"socket\":\"/", "\"socket\":\"/\\u009b2J")]
    [InlineData("\"control\":\"/", "\"control\":\"")]
    [InlineData("\"sysRoot\":\"/", "\"sysRoot\":\"/\\n")]
    [InlineData("\"linkRate\":0", "\"linkRate\":1e308")]
    [InlineData("\"linkRate\":0", "\"linkRate\":1e999")]
    [InlineData("\"meanShare\":null", "\"meanShare\":1e308")]
    [InlineData("\"startedAt\":", "\"startedAt\":-1e308,\"was\":")]
    public async Task A_snapshot_with_what_no_agent_writes_is_refused(string found, string forged)
    {
        await using var agent = await RunningAgent.StartAsync(_files);
        var text = File.ReadAllText(_files["status.json"]);
        Assert.NotNull(AgentView.Parse(Encoding.UTF8.GetBytes(text), out _));

        var changed = text.Replace(found, forged, StringComparison.Ordinal);

        Assert.NotEqual(text, changed);
        Assert.Null(AgentView.Parse(Encoding.UTF8.GetBytes(changed), out var problem));
        Assert.Equal("expected a snapshot of the agent, found other values in it", problem);
    }

    [Fact]
    public void A_newer_agent_is_named_as_the_reason()
    {
        Assert.Null(AgentView.Parse("{\"version\":2,\"more\":1}"u8, out var problem));
        Assert.Contains("the agent is newer", problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_snapshot_cut_short_or_with_a_byte_changed_is_read_or_refused()
    {
        await using var agent = await RunningAgent.StartAsync(_files);
        using var client = agent.Connect();
        client.Register(1, new Ipv4Address(1), default);
        Wait.Until(() => AgentView.Read(_files["status.json"]).Snapshot?.Slots.Count == 1);
        var whole = File.ReadAllBytes(_files["status.json"]);
        for (var length = 0; length < whole.Length - 2; length++)
        {
            Assert.Null(AgentView.Parse(whole.AsSpan(0, length), out _));
        }

        for (var i = 0; i < whole.Length; i++)
        {
            var changed = (byte[])whole.Clone();
            changed[i] ^= 0x11;
            if (AgentView.Parse(changed, out var problem) is { } snapshot)
            {
                // What it says may be anything; what is made of it must not throw.
                var view = new AgentView(_files["status.json"], Liveness.Alive, snapshot, "");
                Assert.NotNull(StatusReport.Make(view));
            }
            else
            {
                Assert.NotEqual("", problem);
            }
        }
    }

    [Fact]
    public void Another_users_file_a_link_and_a_file_that_others_can_write_are_not_taken()
    {
        Prerequisites.RequireRoot();
        File.WriteAllText(_files["mine"], "{}");
        File.CreateSymbolicLink(_files["link"], _files["mine"]);
        Assert.Contains("symbolic link", AgentView.Read(_files["link"]).Problem, StringComparison.Ordinal);
        File.SetUnixFileMode(_files["mine"], (UnixFileMode)0x1B6);
        Assert.Contains("others can write to it", AgentView.Read(_files["mine"]).Problem, StringComparison.Ordinal);
        File.SetUnixFileMode(_files["mine"], (UnixFileMode)0x1A4);
        using (var chown = System.Diagnostics.Process.Start("chown", ["nobody", _files["mine"]]))
        {
            chown.WaitForExit();
        }

        Assert.Contains("belongs to nobody", AgentView.Read(_files["mine"]).Problem, StringComparison.Ordinal);
        Directory.CreateDirectory(_files["directory"]);
        Assert.Contains("expected a regular file", AgentView.Read(_files["directory"]).Problem, StringComparison.Ordinal);
    }
}
