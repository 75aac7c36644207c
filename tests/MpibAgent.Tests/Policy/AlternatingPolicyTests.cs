using MpibAgent.Hints;
using MpibAgent.Interface;
using MpibAgent.Policy;

namespace MpibAgent.Tests.Policy;

public sealed class AlternatingPolicyTests
{
    [Fact]
    public void Every_flow_gets_one_share_and_then_the_other()
    {
        var policy = new AlternatingPolicy(TimeSpan.FromSeconds(2), 0.25, 0.75);
        Assert.Equal(TimeSpan.FromSeconds(2), policy.Period);
        foreach (var (at, share, reason) in ((double, double, string)[])[(7, 0.25, "the first hint"), (9, 0.75, "the second hint"), (11, 0.25, "the first hint")])
        {
            Assert.Equal([share, share, share], Decide(policy, 3, at));
            Assert.Equal(reason, policy.Reason);
        }
    }

    [Fact]
    public void Asked_before_its_time_it_stays_where_it_is_for_the_rest_of_it()
    {
        var policy = new AlternatingPolicy(TimeSpan.FromSeconds(2), 0.25, 0.75);
        Assert.Equal(0.25, Decide(policy, 1, 7)[0]);
        Assert.Equal(0.25, Decide(policy, 1, 8.5)[0]);
        Assert.Equal(TimeSpan.FromSeconds(0.5), policy.Period);
        Assert.Equal(0.75, Decide(policy, 1, 9)[0]);
        Assert.Equal(TimeSpan.FromSeconds(2), policy.Period);
    }

    [Theory]
    [InlineData(HintEncoding.Multiplier, 65536)]
    [InlineData(HintEncoding.Ppm1024, 1024)]
    public void A_hint_of_the_settings_becomes_that_very_hint(HintEncoding encoding, uint highest)
    {
        var options = new PolicyOptions();
        var catalogue = new PolicyCatalogue(options, new HintOptions { Encoding = encoding });
        for (var hint = 0u; hint <= highest; hint++)
        {
            (options.AlternatingFirst, options.AlternatingSecond) = (hint, highest - hint);
            var policy = catalogue.Create(AlternatingPolicy.PolicyName, double.NaN);
            Assert.Equal(hint, encoding.Nearest(Decide(policy, 1, 0)[0]));
            Assert.Equal(highest - hint, encoding.Nearest(Decide(policy, 1, 1)[0]));
        }
    }

    private static double[] Decide(ISplitPolicy policy, int flows, double seconds)
    {
        var shares = new double[flows];
        policy.Decide(new Observation(TimeSpan.FromSeconds(seconds), default, default), new PathLevels[flows], shares);
        return shares;
    }
}
