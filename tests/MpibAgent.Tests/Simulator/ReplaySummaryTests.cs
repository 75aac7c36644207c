using MpibAgent.Simulator;

namespace MpibAgent.Tests.Simulator;

public sealed class ReplaySummaryTests
{
    private static readonly Rail _dead = new() { LinkGbps = 400, States = [new StateChange(0, RailState.Dead)] };

    [Fact]
    public void What_is_reached_is_no_miss()
        => Assert.Empty(Run(Scenes.Plain with { Steady = [new TimeWindow(0.5, 1)], Expect = new Expectation { MinGoodputPercent = 99, MaxShareDeviation = [0.01] } }).Misses);

    [Fact]
    public void What_could_not_be_measured_is_a_miss()
    {
        var nothing = Scenes.Plain with { Rails = new RailPair { Sout = _dead, Sup = _dead }, Expect = new Expectation { MinGoodputPercent = 90 } };
        Assert.Equal(["goodput NaN < 90.0"], Run(nothing).Misses);

        var late = Scenes.Plain with { Steady = [new TimeWindow(5, 9)], Expect = new Expectation { MaxShareDeviation = [0.01] } };
        Assert.Equal(["std NaN > 0.01"], Run(late).Misses);
    }

    private static ReplaySummary Run(Scenario scenario) => new(new Replay([new Candidate("fixed", ShareScale.Ppm1024)]).Run(scenario, seed: 0));
}
