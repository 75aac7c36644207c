using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using CsCheck;
using MpibAgent.Interface;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

/// <summary>The bytes of a report, written out by hand, and what is read of other bytes.</summary>
public sealed class CongestionReportTests
{
    // Magic, size, version, rail; level and zeros; addresses; sender; sequence; timestamp; MAC.
    private const string Golden = "4349504D 3800 01 01 FA 000000 0A000102 0A000103 0A0000FE 8877665544332211 0807060504030201 00000000000000000000000000000000";

    private static readonly CongestionReport Report = new()
    {
        Rail = 1,
        Level = 250,
        Source = Ipv4Address.Parse("10.0.1.2"),
        Destination = Ipv4Address.Parse("10.0.1.3"),
        Sender = Ipv4Address.Parse("10.0.0.254").Raw,
        Sequence = 0x1122334455667788,
        Timestamp = 0x0102030405060708,
    };

    [Fact]
    public void A_report_has_these_bytes()
    {
        Assert.Equal(56, Unsafe.SizeOf<CongestionReport>());
        Assert.Equal(Golden.Replace(" ", ""), Convert.ToHexString(CongestionSender.Bytes(Report, null)));
    }

    [Fact]
    public void A_signed_report_has_these_bytes()
    {
        var bytes = CongestionSender.Bytes(Report, TelemetryRig.Key);
        Assert.Equal(Golden.Replace(" ", "")[..80] + ExpectedMac, Convert.ToHexString(bytes));
    }

    [Fact]
    public void The_document_shows_that_one()
    {
        var lines = File.ReadLines(Checkout.Path("doc", "interface.md")).SkipWhile(line => !line.StartsWith("    4349504d", StringComparison.Ordinal)).Take(2);
        Assert.Equal(Convert.ToHexString(CongestionSender.Bytes(Report, TelemetryRig.Key)), string.Concat(lines).Replace(" ", "").ToUpperInvariant());
    }

    [Fact]
    public async Task The_header_for_C_makes_the_same_bytes_and_they_are_accepted()
    {
        Prerequisites.RequireCommand("gcc", "gcc libc6-dev");
        await using var rig = await TelemetryRig.StartAsync();
        var program = PluginProcess.Compile(Path.Combine(Here(), "sender.c"));
        using var sender = Process.Start(new ProcessStartInfo(program,
            [rig.Endpoint.Port.ToString(CultureInfo.InvariantCulture), "10.0.0.254", "0x1122334455667788", "0x0102030405060708", "1", "250", "10.0.1.2", "10.0.1.3"])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.Equal(Golden.Replace(" ", ""), (await sender.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Trim());
        rig.WaitForDatagrams(1);
        Assert.Equal(250, rig.Find("10.0.1.2", "10.0.1.3").Sup!.Value);
    }

    [Fact]
    public void A_report_is_read_field_by_field()
    {
        Assert.Equal(Refusal.None, ReportDatagram.Read(Convert.FromHexString(Golden.Replace(" ", "")), out var read));
        Assert.Equal(Report, read);
    }

    [Theory]
    [InlineData(0, 0x44, Refusal.Malformed)]
    [InlineData(4, 0x39, Refusal.Malformed)]
    [InlineData(5, 0x01, Refusal.Malformed)]
    [InlineData(6, 0x00, Refusal.Version)]
    [InlineData(6, 0x02, Refusal.Version)]
    [InlineData(7, 0x02, Refusal.Malformed)]
    [InlineData(7, 0xFF, Refusal.Malformed)]
    [InlineData(9, 0x01, Refusal.Malformed)]
    [InlineData(10, 0x01, Refusal.Malformed)]
    [InlineData(11, 0x80, Refusal.Malformed)]
    public void One_wrong_byte_is_refused(int at, byte value, object expected)
    {
        var bytes = CongestionSender.Bytes(Report, null);
        bytes[at] = value;
        Assert.Equal(expected, ReportDatagram.Read(bytes, out var read));
        Assert.Equal(default, read);
    }

    [Fact]
    public void Every_other_length_is_refused()
    {
        var bytes = CongestionSender.Bytes(Report, null).Concat(new byte[64]).ToArray();
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(length == 56 ? Refusal.None : Refusal.Malformed, ReportDatagram.Read(bytes.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Any_bytes_are_read_or_refused_without_a_crash() => Gen.Byte.Array[0, 80].Sample(bytes =>
    {
        var outcome = ReportDatagram.Read(bytes, out var read);
        Assert.True(outcome is Refusal.None or Refusal.Malformed or Refusal.Version);
        Assert.Equal(outcome == Refusal.None, !read.Equals(default(CongestionReport)));
    }, iter: Fuzz.Iterations);

    [Fact]
    public void Any_change_of_a_report_is_read_or_refused_without_a_crash() =>
        Gen.Select(Gen.Int[0, 55], Gen.Byte, Gen.Int[0, 57]).Sample((at, value, length) =>
        {
            var bytes = CongestionSender.Bytes(Report, null);
            bytes[at] = value;
            Array.Resize(ref bytes, length);
            var outcome = ReportDatagram.Read(bytes, out var read);
            Assert.True(outcome != Refusal.None || (length == 56 && read.Rail <= 1));
        }, iter: Fuzz.Iterations);

    private static string Here([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;

    // echo -n GOLDEN[..80] | xxd -r -p | openssl dgst -sha256 -mac HMAC -macopt hexkey:0102..20, its first half.
    private const string ExpectedMac = "73EB44C6EC4D1F14A69D4C11BE235B64";
}
