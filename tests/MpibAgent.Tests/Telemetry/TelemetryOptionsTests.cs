using System.Collections;
using MpibAgent.Interface;
using MpibAgent.Telemetry;

namespace MpibAgent.Tests.Telemetry;

public sealed class TelemetryOptionsTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void It_is_off_by_default()
    {
        var (options, _) = Read("");
        Assert.Equal(("", "127.0.0.1", "", 250, 240, "", 100), (options!.Listen, options.AllowedSenders, options.KeyFile, options.ExpiryMs,
            options.Threshold, options.Collector, options.ReportPeriodMs));
    }

    [Fact]
    public void Every_setting_reaches_its_option()
    {
        var (options, _) = Read("Listen = 10.0.0.1:9471\nAllowedSenders = 127.0.0.1, 10.0.0.0/8\nKeyFile = /etc/mpib/key\nExpiryMs = 300\nThreshold = 200\n"
            + "Collector = 10.0.0.2:9472\nReportPeriodMs = 50\n");
        Assert.Equal(("10.0.0.1:9471", "127.0.0.1, 10.0.0.0/8", "/etc/mpib/key", 300, 200, "10.0.0.2:9472", 50), (options!.Listen, options.AllowedSenders,
            options.KeyFile, options.ExpiryMs, options.Threshold, options.Collector, options.ReportPeriodMs));
    }

    [Theory]
    [InlineData("Listen = 127.0.0.1")]
    [InlineData("Listen = 127.0.0.1:0")]
    [InlineData("Listen = 127.0.0.1:65536")]
    [InlineData("Listen = 127.1:9471")]
    [InlineData("Listen = localhost:9471")]
    [InlineData("Listen = [::1]:9471")]
    [InlineData("AllowedSenders =")]
    [InlineData("AllowedSenders = 127.0.0.1/33")]
    [InlineData("AllowedSenders = 127.0.0.1/24")]
    [InlineData("AllowedSenders = 127.0.0.1, any")]
    [InlineData("AllowedSenders = ::1")]
    [InlineData("KeyFile = key")]
    [InlineData("ExpiryMs = 9")]
    [InlineData("Threshold = 40")]
    [InlineData("Threshold = 255")]
    [InlineData("Collector = collector:9471")]
    [InlineData("ReportPeriodMs = 0")]
    public void A_faulty_setting_is_refused(string line) => Assert.Contains("[Telemetry]", Assert.Single(Read(line).Faults), StringComparison.Ordinal);

    [Theory]
    [InlineData("Listen = 0.0.0.0:9471")]
    [InlineData("Listen = 10.0.0.1:9471")]
    [InlineData("AllowedSenders = 10.0.0.1")]
    [InlineData("AllowedSenders = 127.0.0.1, 0.0.0.0/0")]
    [InlineData("AllowedSenders = 126.0.0.0/7")]
    [InlineData("Collector = 10.0.0.1:9471")]
    public void What_is_not_loopback_needs_a_key(string line)
    {
        Assert.Contains("KeyFile", Assert.Single(Read(line).Faults), StringComparison.Ordinal);
        Assert.Empty(Read(line + "\nKeyFile = /etc/mpib/key").Faults);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "127.0.0.2", false)]
    [InlineData("127.0.0.1", "1.0.0.127", false)]
    [InlineData("10.0.0.0/8", "10.255.0.1", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("10.0.1.0/24 , 10.0.3.0/31", "10.0.3.1", true)]
    [InlineData("10.0.1.0/24,10.0.3.0/31", "10.0.3.2", false)]
    [InlineData("0.0.0.0/0", "203.0.113.9", true)]
    [InlineData("0.0.0.0/1", "128.0.0.0", false)]
    public void A_sender_is_in_the_list_or_not(string list, string address, bool expected)
    {
        Assert.True(SenderList.TryParse(list, out var senders));
        Assert.Equal(expected, senders.Contains(Ipv4Address.Parse(address)));
    }

    private (TelemetryOptions? Options, List<string> Faults) Read(string lines)
    {
        var reader = new SettingsReader();
        File.WriteAllText(_files["agent.conf"], "[Telemetry]\n" + lines);
        return (reader.Read(["--config", _files["agent.conf"]], new Hashtable())?.Telemetry, reader.Faults);
    }
}
