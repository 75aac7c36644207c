using System.Buffers.Binary;
using System.Globalization;
using MpibAgent.Hints;
using MpibAgent.Interface;

namespace MpibAgent.Tests.Hints;

public sealed class HintRegionTests : IDisposable
{
    private readonly TempDirectory _files = new();
    private readonly CapturedLog _log = new();

    private string Path => _files["hints"];

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_new_region_has_these_bytes()
    {
        using (Open(initial: 3))
        {
        }

        var bytes = File.ReadAllBytes(Path);
        Assert.Equal(4112, bytes.Length);
        Assert.Equal("4849504D 00010000 00000000 00000000".Replace(" ", ""), Convert.ToHexString(bytes, 0, 16));
        for (var slot = 0; slot < 256; slot++)
        {
            Assert.Equal("03000000 00000000 00000000 00000000".Replace(" ", ""), Convert.ToHexString(bytes, 16 + (16 * slot), 16));
        }

        Assert.Equal((UnixFileMode)0b110_100_100, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void A_written_entry_has_these_bytes()
    {
        using (var region = Open())
        {
            region.WriteEntry(255, Ipv4Address.Parse("10.0.1.2"), Ipv4Address.Parse("10.0.1.3"), 7);
            region.WriteHint(255, 9);
        }

        Assert.Equal("09000000 04000000 0A000102 0A000103".Replace(" ", ""), Convert.ToHexString(File.ReadAllBytes(Path), 4096, 16));
    }

    [Fact]
    public void A_valid_region_is_adopted_inode_and_bytes()
    {
        using (var region = Open())
        {
            region.WriteEntry(3, Ipv4Address.Parse("10.0.1.2"), Ipv4Address.Parse("10.0.1.3"), 7);
        }

        var (inode, bytes) = (FileStatus.Of(Path)!.Value.Inode, File.ReadAllBytes(Path));
        using (var region = Open(initial: 99))
        {
            Assert.True(region.Adopted);
            Assert.Equal(7u, region.Read(3).SupBw);
        }

        Assert.Equal(inode, FileStatus.Of(Path)!.Value.Inode);
        Assert.Equal(bytes, File.ReadAllBytes(Path));
    }

    [Fact]
    public void A_changed_mode_reaches_a_region_that_is_there()
    {
        using (Open())
        {
        }

        using var region = Open(mode: "0600");
        Assert.True(region.Adopted);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(255)]
    public void A_sequence_left_odd_is_repaired_before_anything_else(int slot)
    {
        using (Open())
        {
        }

        var bytes = File.ReadAllBytes(Path);
        var entry = bytes.AsSpan(16 + (16 * slot));
        BinaryPrimitives.WriteUInt32LittleEndian(entry, 44);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], uint.MaxValue);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], 0x0100000A);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], 0x0200000A);
        File.WriteAllBytes(Path, bytes);

        using var region = Open();
        using var reader = new HintReader(Path);
        Assert.True(reader.TryRead(slot, attempts: 100, out var read));
        Assert.Equal(new HintEntry { SupBw = 44, Seq = 0 }, read);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"slot {slot}:"), _log.Single("sequence-repaired"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 4096, "expected 4112 bytes, found 4096")]
    [InlineData(0, 0, "expected 4112 bytes, found 0")]
    [InlineData(0, 8000, "expected 4112 bytes, found 8000")]
    [InlineData(1, 4112, "expected magic 4d504948")]
    [InlineData(2, 4112, "expected 256 entries, found 255")]
    public void An_invalid_file_is_moved_aside_and_never_written_to(int fault, int length, string reason)
    {
        var bytes = new byte[length];
        if (fault == 2)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, HintLayout.Magic);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), 255);
        }

        File.WriteAllBytes(Path, bytes);
        File.WriteAllText(_files["hints.invalid-1"], "from another day");
        using var region = Open();

        Assert.False(region.Adopted);
        Assert.Equal(bytes, File.ReadAllBytes(_files["hints.invalid-2"]));
        Assert.Contains(reason, _log.Single("region-moved-aside"), StringComparison.Ordinal);
        using var reader = new HintReader(Path);
        Assert.Equal(1u, reader.Read(0).SupBw);
    }

    [Fact]
    public void A_draft_left_by_an_agent_that_died_is_no_obstacle()
    {
        File.WriteAllText(Path + ".new", "half");
        using var region = Open();
        Assert.False(File.Exists(Path + ".new"));
    }

    [Fact]
    public void A_symbolic_link_is_refused_and_its_target_untouched()
    {
        var target = _files["target"];
        File.WriteAllText(target, "precious");
        File.CreateSymbolicLink(Path, target);
        Assert.Contains("found a symbolic link", Assert.Throws<Fault>(() => Open()).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(target));
    }

    [Fact]
    public void A_directory_in_its_place_is_refused()
    {
        Directory.CreateDirectory(Path);
        Assert.Contains("found a directory", Assert.Throws<Fault>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_others_can_write_to_is_refused()
    {
        File.SetUnixFileMode(_files.Path, (UnixFileMode)0b111_111_111);
        Assert.Contains("others can write to it (mode 0777)", Assert.Throws<Fault>(() => Open()).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_files.Path));
    }

    [Fact]
    public void A_file_with_a_second_name_is_refused()
    {
        File.WriteAllText(_files["precious"], "precious");
        using var ln = System.Diagnostics.Process.Start("ln", [_files["precious"], _files["agent.lock"]]);
        ln.WaitForExit();
        Assert.Contains("found 2 hard links", Assert.Throws<Fault>(() => Open()).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(_files["precious"]));
    }

    [Fact]
    public void A_second_writer_is_refused_with_the_pid_of_the_first()
    {
        // That of the agent before had more digits.
        File.WriteAllText(_files["agent.lock"], "12345678901\n");
        using var first = Open();
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"pid {Environment.ProcessId}"), Assert.Throws<Fault>(() => Open()).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_stranger_who_locks_the_region_itself_keeps_nobody_out()
    {
        using (Open())
        {
        }

        using var stranger = File.Open(Path, FileMode.Open, FileAccess.Read, FileShare.None);
        using var region = Open();
        Assert.True(region.Adopted);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(256)]
    public void No_write_leaves_the_region(int slot)
    {
        using var region = Open();
        Assert.Throws<ArgumentOutOfRangeException>(() => region.WriteHint(slot, 1));
    }

    private HintRegion Open(uint initial = 1, string mode = "0644")
    {
        var region = new HintRegion(new HintOptions { Path = Path, Initial = initial, Mode = mode }, _log.For<HintRegion>());
        try
        {
            region.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
            return region;
        }
        catch
        {
            region.Dispose();
            throw;
        }
    }
}
