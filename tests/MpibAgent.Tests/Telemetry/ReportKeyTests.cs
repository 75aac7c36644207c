using CsCheck;
using MpibAgent.Interface;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

public sealed class ReportKeyTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(1024)]
    public void A_report_that_it_signs_is_what_anybody_with_the_key_would_send(int length)
    {
        var bytes = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
        var key = ReportKey.Read(KeyFile(bytes));
        var report = new CongestionReport { Level = 7, Sequence = 9 };
        var datagram = CongestionSender.Bytes(report, null);
        key.Sign(datagram);
        Assert.Equal(CongestionSender.Bytes(report, bytes), datagram);
        Assert.True(key.Verify(datagram));
    }

    [Fact]
    public void Any_other_bit_makes_it_a_forgery()
    {
        var key = ReportKey.Read(KeyFile(TelemetryRig.Key));
        Gen.Select(Gen.ULong, Gen.Byte, Gen.Int[0, (CongestionReport.DatagramSize * 8) - 1]).Sample((sequence, level, bit) =>
        {
            var datagram = CongestionSender.Bytes(new CongestionReport { Level = level, Sequence = sequence }, TelemetryRig.Key);
            datagram[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(key.Verify(datagram));
        }, iter: Fuzz.Iterations / 10);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(1025)]
    public void A_key_that_is_too_short_or_too_long_is_refused(int length) =>
        Assert.Contains("expected a key of 16 to 1024 bytes, found", Refused(KeyFile(new byte[length])), StringComparison.Ordinal);

    [Theory]
    [InlineData(0x1A4 /* 0644 */)]
    [InlineData(0x182 /* 0602 */)]
    [InlineData(0x190 /* 0620 */)]
    public void A_key_that_others_can_read_or_write_is_refused(int mode)
    {
        var path = KeyFile(TelemetryRig.Key);
        File.SetUnixFileMode(path, (UnixFileMode)mode);
        Assert.Contains("so it is no secret", Refused(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x100 /* 0400 */)]
    [InlineData(0x120 /* 0440, as systemd shows a credential */)]
    [InlineData(0x1A0 /* 0640 */)]
    public void A_key_of_its_owner_and_group_is_taken(int mode)
    {
        var path = KeyFile(TelemetryRig.Key);
        File.SetUnixFileMode(path, (UnixFileMode)mode);
        Assert.NotNull(ReportKey.Read(path));
    }

    [Fact]
    public void A_key_of_another_user_is_refused()
    {
        Prerequisites.RequireRoot();
        var path = KeyFile(TelemetryRig.Key);
        using var chown = System.Diagnostics.Process.Start("chown", ["nobody", path]);
        chown.WaitForExit();
        Assert.Contains("not to root or", Refused(path), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_file_is_refused_and_not_waited_for()
    {
        using var mkfifo = System.Diagnostics.Process.Start("mkfifo", [_files["fifo"]]);
        mkfifo.WaitForExit();
        Assert.Contains("expected a regular file", Refused(_files["fifo"]), StringComparison.Ordinal);
        Assert.Contains("expected a regular file", Refused(_files.Path), StringComparison.Ordinal);
        Assert.StartsWith($"cannot read the key file {_files["none"]}: No such file or directory; let the unit pass it on (LoadCredential=", Refused(_files["none"]), StringComparison.Ordinal);
    }

    private static string Refused(string path) => Assert.Throws<Fault>(() => ReportKey.Read(path)).Message;

    private string KeyFile(byte[] bytes)
    {
        File.WriteAllBytes(_files["key"], bytes);
        File.SetUnixFileMode(_files["key"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return _files["key"];
    }
}
