namespace MpibAgent.Telemetry;

/// <summary>Settings of the congestion reports, section [Telemetry].</summary>
internal sealed class TelemetryOptions
{
    /// <summary>Where reports are taken, IP:PORT; empty: nowhere.</summary>
    public string Listen { get; set; } = "";

    /// <summary>Whose reports are taken: IPv4 addresses and networks (10.0.0.0/24), with commas or blanks between.</summary>
    public string AllowedSenders { get; set; } = "127.0.0.1";

    /// <summary>Absolute path of the file that holds the shared key; empty: there is none, and nothing but loopback is to be trusted.</summary>
    public string KeyFile { get; set; } = "";

    /// <summary>How long a report counts, 10 to 60000. The default outlasts two lost reports of a sender that sends every 100 ms, less what they jitter.</summary>
    public int ExpiryMs { get; set; } = 250;

    /// <summary>A level over this one is congestion, <see cref="LeastThreshold"/> to 254.</summary>
    public int Threshold { get; set; } = 240;

    /// <summary>Where the local rails' load is sent, IP:PORT; empty: nowhere.</summary>
    public string Collector { get; set; } = "";

    /// <summary>How often, 10 to 60000.</summary>
    public int ReportPeriodMs { get; set; } = 100;

    /// <summary>Congestion is over below the threshold less this.</summary>
    public const int Hysteresis = 40;

    /// <summary>Below it there would be no level at which congestion is over.</summary>
    public const uint LeastThreshold = Hysteresis + 1;

    /// <summary>What each setting allows by itself and the others do not, with the setting that is to be changed.</summary>
    public IEnumerable<(string Key, string Text)> Faults()
    {
        if (KeyFile.Length > 0)
        {
            yield break;
        }

        if (Ipv4Endpoint.TryParse(Listen, out var listen) && !listen.IsLoopback)
        {
            yield return ("Telemetry:Listen", $"other hosts can reach {Listen}; set KeyFile, or listen at 127.0.0.1");
        }

        if (SenderList.TryParse(AllowedSenders, out var senders) && !senders.IsLoopbackOnly)
        {
            yield return ("Telemetry:AllowedSenders", $"[Telemetry] AllowedSenders names other hosts ({AllowedSenders}); set KeyFile, or allow 127.0.0.1 alone");
        }

        if (Ipv4Endpoint.TryParse(Collector, out var collector) && !collector.IsLoopback)
        {
            yield return ("Telemetry:Collector", $"[Telemetry] Collector is another host, {Collector}; set KeyFile");
        }
    }
}
