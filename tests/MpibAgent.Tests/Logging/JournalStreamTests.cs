using System.Diagnostics;
using MpibAgent.Logging;

namespace MpibAgent.Tests.Logging;

public sealed class JournalStreamTests
{
    [Fact]
    public void The_variable_names_a_descriptor_by_device_and_inode()
    {
        using var directory = new TempDirectory();
        var path = directory["file"];
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        var descriptor = (int)file.DangerousGetHandle();
        var (device, inode) = Stat(path);

        Assert.True(JournalStream.Names($"{device}:{inode}", descriptor));
        Assert.False(JournalStream.Names($"{device}:{inode + 1}", descriptor));
        Assert.False(JournalStream.Names($"{device}:{inode - 1}", descriptor));
        Assert.False(JournalStream.Names($"{device + 1}:{inode}", descriptor));
        Assert.False(JournalStream.Names($"{device}:{inode}", -1));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("8")]
    [InlineData("8:")]
    [InlineData(":8")]
    [InlineData("8:x")]
    [InlineData("-1:8")]
    [InlineData("8:9:10")]
    [InlineData("99999999999999999999:8")]
    public void A_variable_that_makes_no_sense_names_nothing(string? variable) => Assert.False(JournalStream.Names(variable, 2));

    // What makedev(3) gives for these.
    [Theory]
    [InlineData(0, 8, 8)]
    [InlineData(8, 1, 0x801)]
    [InlineData(259, 0x12345, 0x12310345)]
    [InlineData(0x12345678, 0x9ABCDEF0, 0x123459ABCDE678F0)]
    public void A_device_is_its_two_numbers_in_one(uint major, uint minor, ulong device) =>
        Assert.Equal(device, JournalStream.Device(major, minor));

    [Fact]
    public void The_null_device_is_told_from_all_else()
    {
        using var directory = new TempDirectory();
        using var nowhere = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write);
        using var zero = File.OpenHandle("/dev/zero", FileMode.Open, FileAccess.Write);
        using var file = File.OpenHandle(directory["file"], FileMode.CreateNew, FileAccess.Write);

        Assert.True(JournalStream.IsNull((int)nowhere.DangerousGetHandle()));
        Assert.False(JournalStream.IsNull((int)zero.DangerousGetHandle()));
        Assert.False(JournalStream.IsNull((int)file.DangerousGetHandle()));
        Assert.False(JournalStream.IsNull(-1));
    }

    private static (ulong Device, ulong Inode) Stat(string path)
    {
        using var stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%d:%i", path]) { RedirectStandardOutput = true })!;
        var words = stat.StandardOutput.ReadToEnd().Trim().Split(':');
        return (ulong.Parse(words[0]), ulong.Parse(words[1]));
    }
}
