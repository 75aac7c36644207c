using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>Something that happens to the bed in the course of a case.</summary>
/// <param name="AtSeconds">When, counted from the beginning of the case.</param>
internal abstract record Change(double AtSeconds)
{
    /// <summary>Makes it happen.</summary>
    public abstract void Make(Bed bed);

    /// <summary>What the rails carry from then on.</summary>
    public abstract void Apply(BedState state);
}

/// <summary>A rail gets another rate: behind the NIC, since no counter of the sender's tells.</summary>
internal sealed record Shape(double AtSeconds, Rail Rail, int Mbit) : Change(AtSeconds)
{
    public override void Make(Bed bed) => bed.Shape(Rail, Mbit);

    public override void Apply(BedState state) => state[Rail] = state[Rail] with { Mbit = Mbit };
}

/// <summary>The cable of a rail is pulled, or plugged in again.</summary>
internal sealed record Cable(double AtSeconds, Rail Rail, bool IsIn) : Change(AtSeconds)
{
    public override void Make(Bed bed) => bed.Cable(Rail, IsIn);

    public override void Apply(BedState state) => state[Rail] = state[Rail] with { IsUp = IsIn };
}

/// <summary>Something else on the sender's host sends over a rail, without giving way: the NIC's counters include it.</summary>
internal sealed record CrossTraffic(double AtSeconds, Rail Rail, int Mbit, double ForSeconds) : Change(AtSeconds)
{
    public override void Make(Bed bed) => bed.StartCrossTraffic(Rail, Mbit, ForSeconds);

    public override void Apply(BedState state) => state[Rail] = state[Rail] with { CrossMbit = Mbit };
}

/// <summary>The end of that, which comes by itself.</summary>
internal sealed record CrossTrafficEnds(double AtSeconds, Rail Rail) : Change(AtSeconds)
{
    public override void Make(Bed bed)
    {
    }

    public override void Apply(BedState state) => state[Rail] = state[Rail] with { CrossMbit = 0 };
}

/// <summary>What is known of the bed: the all-knowing hand and the optimum go by it.</summary>
internal sealed class BedState
{
    private readonly RailState[] _rails;

    public BedState(int soutMbit, int supMbit) => _rails = [new(soutMbit), new(supMbit)];

    public Rates Rates => new(_rails[0].Available, _rails[1].Available);

    public RailState this[Rail rail]
    {
        get => _rails[(int)rail];
        set => _rails[(int)rail] = value;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rates.Sout}:{Rates.Sup}");

    internal readonly record struct RailState(int Mbit, bool IsUp = true, int CrossMbit = 0)
    {
        public double Available => IsUp ? Mbit - CrossMbit : 0;
    }
}
