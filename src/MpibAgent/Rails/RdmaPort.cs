namespace MpibAgent.Rails;

/// <summary>A port of an RDMA device: class/infiniband/DEVICE/ports/PORT.</summary>
internal sealed class RdmaPort : RailDevice
{
    /// <summary>port_xmit_data counts words of four bytes, as InfiniBand defines it.</summary>
    private const uint BytesPerWord = 4;

    /// <summary>The kernel's own, in ms, where the device does not say.</summary>
    private const ulong DefaultLifespan = 10;
    private const ulong LongestLifespan = 10_000;

    private readonly string _root;
    private readonly string _device;
    private readonly int _port;
    private readonly SysfsFile _wait;
    private readonly SysfsFile _timeouts;
    private readonly SysfsFile _notifications;
    private readonly SysfsFile _lifespan;
    private TimeSpan _slowInterval = TimeSpan.FromMilliseconds(DefaultLifespan);

    public RdmaPort(string root, string device, int port)
        : this(root, device, port, TxOf($"{root}/class/infiniband/{device}/ports/{port}"))
    {
    }

    private RdmaPort(string root, string device, int port, (string File, uint Unit) tx)
        : base($"{root}/class/infiniband/{device}/ports/{port}", tx.File, tx.Unit, "state", "rate")
    {
        _root = root;
        _device = $"{root}/class/infiniband/{device}";
        _port = port;
        _wait = FileOf("counters/port_xmit_wait");
        _timeouts = FileOf("hw_counters/local_ack_timeout_err");
        _notifications = FileOf("hw_counters/rp_cnp_handled");
        _lifespan = FileOf("hw_counters/lifespan");

        // InfiniBand has a link of its own, of which an interface on top of it says little.
        InterfaceIndex = SysfsTree.TextOf($"{Directory}/link_layer") == "Ethernet" && Interface is { } name
            ? SysfsTree.InterfaceIndexOf($"{root}/class/net/{Path.GetFileName(name)}") : null;
    }

    public override int? InterfaceIndex { get; }

    public override string Kind => "rdma";

    public override string Description => $"RDMA device, port {_port}"
        + (SysfsTree.TextOf($"{Directory}/link_layer") is { Length: > 0 } layer ? $", {layer}" : "")
        + (Interface is { } name ? $", interface {name}" : "");

    public override IEnumerable<string> Caveats
    {
        get
        {
            if (Interface is { } name && SysfsTree.BondOf($"{_root}/class/net/{Path.GetFileName(name)}") is { } bond)
            {
                yield return $"its interface {name} is {bond}: counter and rate are those of the bond";
            }

            if (SysfsTree.PhysicalFunctionOf(_device, "infiniband") is { } physical)
            {
                yield return $"a virtual function of {physical}: the link's rate is shared with that and with other functions";
            }
        }
    }

    /// <summary>What a software device (rdma_rxe, siw) sends goes through its interface; what a NIC sends goes past it.</summary>
    public override string? CountedBy => InterfaceIndex is not null && !SysfsTree.IsThere($"{_device}/device") ? Interface : null;

    /// <summary>The kernel hands out hw_counters that are up to this old; asking more often gives the same.</summary>
    public override TimeSpan SlowInterval => _slowInterval;

    private string? Interface => SysfsTree.TextOf($"{Directory}/gid_attrs/ndevs/0") is { Length: > 0 } name
        ? name : SysfsTree.NamesIn($"{_device}/device/net").FirstOrDefault();

    public override void Open()
    {
        base.Open();
        _slowInterval = TimeSpan.FromMilliseconds(Math.Clamp(_lifespan.ReadNumber() ?? DefaultLifespan, 1, LongestLifespan));
    }

    public override bool? ReadIsUp() => SysfsText.IsActive(State.Read(stackalloc byte[SysfsFile.LongestText]));

    public override double? ReadLinkRate() => SysfsText.PortRate(Rate.Read(stackalloc byte[SysfsFile.LongestText]));

    public override SlowCounters ReadSlow() => new(_timeouts.ReadNumber(), _notifications.ReadNumber(), _wait.ReadNumber());

    /// <summary>Drivers without the counters of InfiniBand (bnxt_re of older kernels) may have one of their own, in bytes.</summary>
    private static (string File, uint Unit) TxOf(string port)
    {
        const string Words = "counters/port_xmit_data", Bytes = "hw_counters/tx_bytes";
        return !File.Exists($"{port}/{Words}") && File.Exists($"{port}/{Bytes}") ? (Bytes, 1) : (Words, BytesPerWord);
    }
}
