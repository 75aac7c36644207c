namespace MpibAgent.Rails;

/// <summary>A network interface: class/net/NAME.</summary>
internal sealed class NetworkInterface : RailDevice
{
    private readonly SysfsFile _carrier;

    public NetworkInterface(string directory)
        : base(directory, "statistics/tx_bytes", txUnit: 1, "operstate", "speed")
    {
        _carrier = FileOf("carrier");
        InterfaceIndex = SysfsTree.InterfaceIndexOf(directory);
    }

    public override string Kind => "interface";

    public override string Description => "network interface";

    public override int? InterfaceIndex { get; }

    public override IEnumerable<string> Caveats
    {
        get
        {
            if (SysfsTree.BondOf(Directory) is { } bond)
            {
                yield return $"{bond}: counter and rate are those of all its members together";
            }

            if (SysfsTree.BondOf($"{Directory}/master") is not null && SysfsTree.TargetOf($"{Directory}/master") is { } master)
            {
                yield return $"a member of the bond {master}: what the other members send is not counted here";
            }

            if (SysfsTree.PhysicalFunctionOf(Directory, "net") is { } physical)
            {
                yield return $"a virtual function of {physical}: the link's rate is shared with that and with other functions";
            }

            if (SysfsTree.NamesIn($"{Directory}/device/infiniband").FirstOrDefault() is { } device)
            {
                yield return $"its counter may leave out what RDMA sends; {device} is the RDMA device, and has one that does not";
            }
        }
    }

    public override bool? ReadIsUp()
    {
        var state = State.Read(stackalloc byte[SysfsFile.LongestText]);

        // Drivers that keep no operational state (tun, dummy) say "unknown" for ever, and whether there is a carrier.
        return state.IsEmpty ? null : state.SequenceEqual("up"u8) || (state.SequenceEqual("unknown"u8) && _carrier.ReadNumber() == 1);
    }

    public override double? ReadLinkRate() => SysfsText.InterfaceRate(Rate.Read(stackalloc byte[SysfsFile.LongestText]));
}
