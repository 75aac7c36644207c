namespace MpibAgent.Simulator;

/// <summary>A flow during a run.</summary>
internal sealed class FlowState
{
    /// <summary>Gb/s: no limit.</summary>
    private static readonly CapacityProfile _unlimited = CapacityProfile.Always(1e9);

    private readonly Workload _workload;
    private readonly PythonRandom _random;

    public FlowState(int id, int host, FlowGroup group, int seed)
    {
        _workload = group.Workload;
        _random = new PythonRandom(seed);
        Id = id;
        Host = host;
        Start = group.Start;
        Stop = group.Stop;
        Limits = [group.Limit.Sout ?? _unlimited, group.Limit.Sup ?? _unlimited];
        Offered = group.Workload.OfferedGbps ?? _unlimited;
        Messages = new MessageQueue(group.Workload.Window);
        if (Kind == WorkloadKind.Burst)
        {
            Remaining = DrawVolume();
        }
    }

    public int Id { get; }

    public int Host { get; }

    public double Start { get; }

    public double Stop { get; }

    public WorkloadKind Kind => _workload.Kind;

    public double MessageBytes => _workload.MessageBytes;

    /// <summary>Gb/s that its own paths let through, by rail.</summary>
    public CapacityProfile[] Limits { get; }

    /// <summary>Gb/s that an open loop offers.</summary>
    public CapacityProfile Offered { get; }

    /// <summary>The part of its bytes that goes to SUP.</summary>
    public double Share { get; set; } = 0.5;

    /// <summary>Bytes per second at which it sends now, over both rails.</summary>
    public double Rate { get; set; }

    /// <summary>Bytes per second at which it would like to send now.</summary>
    public double Demand { get; set; }

    /// <summary>Bytes delivered.</summary>
    public double Delivered { get; set; }

    /// <summary>Bytes of its burst that are yet to be sent, or posted.</summary>
    public double Remaining { get; set; }

    /// <summary>Whether it is between two bursts.</summary>
    public bool IsComputing { get; private set; }

    /// <summary>How long messages of it have been stuck on a rail that is not up, seconds.</summary>
    public double Stuck { get; set; }

    /// <summary>The big messages outstanding.</summary>
    public MessageQueue Messages { get; }

    private double ComputesUntil { get; set; }

    public bool IsActive(double time) => time >= Start && time < Stop;

    /// <summary>The part of its bytes that a rail gets.</summary>
    public double ShareOf(int rail) => rail == TwoRails.Sup ? Share : 1 - Share;

    /// <summary>Starts the next burst if it is time to.</summary>
    /// <returns>Whether it communicates.</returns>
    public bool Communicates(double time)
    {
        if (IsComputing && time >= ComputesUntil)
        {
            IsComputing = false;
            Remaining = DrawVolume();
        }

        return !IsComputing;
    }

    /// <summary>The burst is over: computes from <paramref name="time"/> on.</summary>
    public void Compute(double time)
    {
        IsComputing = true;
        ComputesUntil = time + (_random.Uniform(_workload.ComputeMilliseconds[0], _workload.ComputeMilliseconds[1]) / 1000.0);
    }

    private double DrawVolume()
        => _workload.BurstBytes is [var low, var high] ? _random.Uniform(low, high) : _workload.BurstBytes[0];
}
