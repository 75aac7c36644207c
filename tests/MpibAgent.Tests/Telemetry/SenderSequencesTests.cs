using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

public sealed class SenderSequencesTests : IDisposable
{
    private readonly TempDirectory _files = new();
    private readonly CapturedLog _log = new();
    private readonly ManualTime _time = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Only_a_higher_sequence_counts_and_each_sender_has_its_own()
    {
        using var sequences = Open(signed: false);
        Assert.Equal([Refusal.None, Refusal.Replayed, Refusal.Replayed, Refusal.None, Refusal.None, Refusal.Replayed, Refusal.None],
            [
                sequences.Advance(1, 10), sequences.Advance(1, 10), sequences.Advance(1, 9), sequences.Advance(2, 1),
                sequences.Advance(1, 11), sequences.Advance(3, 0), sequences.Advance(1, ulong.MaxValue),
            ]);
    }

    [Fact]
    public void What_counted_before_a_restart_does_not_count_after_it()
    {
        using (var before = Open(signed: true))
        {
            Assert.Equal(Refusal.None, before.Advance(1, 10));
            Assert.Equal(Refusal.None, before.Advance(1, 20));
            Assert.Equal(Refusal.None, before.Advance(2, 5));
        }

        using var after = Open(signed: true);
        Assert.Equal([Refusal.Replayed, Refusal.Replayed, Refusal.None, Refusal.Replayed, Refusal.None, Refusal.None],
            [after.Advance(1, 10), after.Advance(1, 20), after.Advance(1, 21), after.Advance(2, 5), after.Advance(2, 6), after.Advance(3, 1)]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_files["telemetry"]));
    }

    [Fact]
    public void Unsigned_ones_are_not_kept()
    {
        using (var before = Open(signed: false))
        {
            before.Advance(1, 10);
        }

        Assert.Empty(Directory.GetFileSystemEntries(_files.Path));
    }

    [Fact]
    public void A_full_table_lets_in_nobody_new_and_those_in_it_go_on()
    {
        using var sequences = Open(signed: true);
        for (var sender = 1u; sender <= SenderSequences.Capacity; sender++)
        {
            Assert.Equal(Refusal.None, sequences.Advance(sender, 1));
        }

        _time.Advance(60_000);
        Assert.Equal(Refusal.TableFull, sequences.Advance(0, 1));
        Assert.Equal(Refusal.None, sequences.Advance(SenderSequences.Capacity, 2));
    }

    [Fact]
    public void Without_a_key_those_that_are_silent_make_room()
    {
        using var sequences = Open(signed: false);
        for (var sender = 1u; sender <= SenderSequences.Capacity; sender++)
        {
            sequences.Advance(sender, 1);
        }

        _time.Advance(9_000);
        sequences.Advance(1, 2);
        Assert.Equal(Refusal.TableFull, sequences.Advance(0, 1));
        _time.Advance(2_000);
        Assert.Equal(Refusal.None, sequences.Advance(0, 1));
        Assert.Equal([Refusal.Replayed, Refusal.None], [sequences.Advance(1, 2), sequences.Advance(2, 1)]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MPIBSEQS")]
    [InlineData("anything else that somebody wrote there")]
    public void A_file_that_is_none_is_set_aside(string text)
    {
        File.WriteAllText(_files["telemetry"], text);
        using (var sequences = Open(signed: true))
        {
            Assert.Equal(Refusal.None, sequences.Advance(1, 1));
        }

        Assert.Equal(text, File.ReadAllText(_files["telemetry.invalid-1"]));
        Assert.Equal(1, _log.Count("sequences-set-aside"));
        using var again = Open(signed: true);
        Assert.Equal(Refusal.Replayed, again.Advance(1, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public void So_is_one_of_another_kind_or_version(int at)
    {
        using (Open(signed: true))
        {
        }

        var bytes = File.ReadAllBytes(_files["telemetry"]);
        bytes[at]++;
        File.WriteAllBytes(_files["telemetry"], bytes);
        using var sequences = Open(signed: true);
        Assert.Equal(bytes, File.ReadAllBytes(_files["telemetry.invalid-1"]));
    }

    [Fact]
    public void A_draft_left_by_an_agent_that_died_is_no_obstacle()
    {
        File.WriteAllText(_files["telemetry.new"], "half");
        using var sequences = Open(signed: true);
        Assert.False(File.Exists(_files["telemetry.new"]));
    }

    private SenderSequences Open(bool signed)
    {
        var sequences = new SenderSequences(_time, signed ? _files["telemetry"] : null, _log.For<SenderSequences>());
        sequences.Open();
        return sequences;
    }
}
