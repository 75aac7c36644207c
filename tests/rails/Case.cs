namespace MpibAgent.RealRails;

/// <summary>What happens to the rails while a job sends, and how the job sends.</summary>
internal sealed record Case(string Name, string What, int SupMbit, double Seconds, params Change[] Changes)
{
    /// <summary>Before this TCP is still starting; what is sent then counts for nothing.</summary>
    public const double WarmUpSeconds = 1;

    public const int SoutMbit = 100;

    /// <summary>A case of the full run has its changes this long apart.</summary>
    private const double Third = 6;

    /// <summary>Not 0: the job sends so many bytes at once, waits for all of them, and computes.</summary>
    public long BurstBytes { get; init; }

    public int ComputeMs { get; init; }

    /// <summary>Every case of the full run, at 100:300 Mbit/s unless said otherwise.</summary>
    public static Case[] All =>
    [
        new("steady", "nothing happens", 300, 12),
        Step(Third),
        new("step-up", "SUP 75 to 300 Mbit/s and back", 75, 3 * Third, new Shape(Third, Rail.Sup, 300), new Shape(2 * Third, Rail.Sup, 75)),
        new("step-sout", "SOUT 100 to 25 Mbit/s and back", 300, 3 * Third, new Shape(Third, Rail.Sout, 25), new Shape(2 * Third, Rail.Sout, SoutMbit)),
        new("brown-out", "SUP at 30 of 300 Mbit/s for a third of the time", 300, 3 * Third,
            new Shape(Third, Rail.Sup, 30), new Shape(2 * Third, Rail.Sup, 300)),
        new("rail-down", "SUP's cable pulled for a third of the time", 300, 3 * Third,
            new Cable(Third, Rail.Sup, false), new Cable(2 * Third, Rail.Sup, true)),
        new("cross", "100 Mbit/s of other traffic over SUP, 4 s on and 4 s off, from the same host", 300, 24,
            [.. Repeat(4, 24, 8, at => [new CrossTraffic(at, Rail.Sup, 100, 4), new CrossTrafficEnds(at + 4, Rail.Sup)])]),
        new("cross-net", "the same somewhere in the network: no counter of the host includes it", 300, 24,
            [.. Repeat(4, 24, 8, at => [new Shape(at, Rail.Sup, 200), new Shape(at + 4, Rail.Sup, 300)])]),
        new("bursty", "bursts of 16 MiB with 150 ms of computing between", 300, 15) { BurstBytes = 16 << 20, ComputeMs = 150 },
    ];

    /// <summary>What a test has the time for.</summary>
    public static Case[] Short => [new("steady", "nothing happens", 300, 5), Step(4)];

    private static Case Step(double third) => new("step", "SUP 300 to 75 Mbit/s and back", 300, 3 * third,
        new Shape(third, Rail.Sup, 75), new Shape(2 * third, Rail.Sup, 300));

    private static IEnumerable<Change> Repeat(double from, double end, double period, Func<double, Change[]> changes)
    {
        for (var at = from; at < end; at += period)
        {
            foreach (var change in changes(at).Where(change => change.AtSeconds < end))
            {
                yield return change;
            }
        }
    }
}
