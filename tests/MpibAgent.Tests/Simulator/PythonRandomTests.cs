using MpibAgent.Simulator;

namespace MpibAgent.Tests.Simulator;

public sealed class PythonRandomTests
{
    [Theory]
    [InlineData(0, 0.8444218515250481, 0.7579544029403025, 0.420571580830845)]
    [InlineData(1, 0.13436424411240122, 0.8474337369372327, 0.763774618976614)]
    [InlineData(42, 0.6394267984578837, 0.025010755222666936, 0.27502931836911926)]
    [InlineData(12345678901, 0.9460118159397316, 0.3279999559233737, 0.3837905031006764)]
    [InlineData(-5, 0.6229016948897019, 0.7417869892607294, 0.7951935655656966)]
    public void Draws_what_CPython_draws(long seed, double first, double second, double third)
    {
        var random = new PythonRandom(seed);
        Assert.Equal([first, second, third], [random.NextDouble(), random.NextDouble(), random.NextDouble()]);
    }

    [Theory]
    [InlineData(0, -0.06700651572905797, 1.1947466787499987, -1.4471231264273656, -0.5734981913685804, 1023484162, 2, 'e', 0.4114323292545551)]
    [InlineData(42, 0.2735990065583831, 1.610071094463357, -0.938051221433234, -2.304489338964671, 906070220, 0, 'a', 0.4391534486737374)]
    [InlineData(-5, 1.5350209558369885, -0.58058411871366, 0.21430139928814715, 0.7249812350248428, 534836507, 5, 'a', 0.23908563958077644)]
    public void Keeps_step_with_CPython_through_every_kind_of_draw(
        long seed, double gauss, double keptGauss, double nextGauss, double uniform, int below, int belowSeven, char choice, double muchLater)
    {
        var random = new PythonRandom(seed);
        for (var i = 0; i < 3; i++)
        {
            random.NextDouble();
        }

        Assert.Equal([gauss, keptGauss, nextGauss], [random.Gauss(0, 1), random.Gauss(0, 1), random.Gauss(0, 1)]);
        Assert.Equal(uniform, random.Uniform(-3, 5));
        Assert.Equal(below, random.Below(1 << 30));
        Assert.Equal(belowSeven, random.Below(7));
        Assert.Equal(choice, random.Choice<char>("abcde"));
        var last = 0.0;
        for (var i = 0; i < 700; i++)
        {
            last = random.NextDouble();
        }

        Assert.Equal(muchLater, last);
    }
}
