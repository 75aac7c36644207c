using MpibAgent.Simulator;

// dotnet run -c Release --project tests/MpibAgent.Simulator -- FILE.json...
foreach (var file in args)
{
    var scenario = ScenarioFile.Read(file);
    foreach (var policy in PolicyCatalogue.Names)
    {
        for (var seed = 0; seed < 3; seed++)
        {
            var optimum = scenario.OptimumGbps * Rails.Gbps * scenario.Duration
                ?? Simulation.RunOptimum(scenario, seed, ShareScale.Exact).Delivered;
            var run = Simulation.Run(scenario, seed, ShareScale.Ppm1024, PolicyCatalogue.Find(policy));
            var result = Metrics.Of(scenario, run, optimum, expressible: null);
            Console.WriteLine(FormattableString.Invariant(
                $"{scenario.Name},{policy},{seed},{result.GoodputGbps:F6},{result.PercentOfOptimum:F4},{string.Join('/', result.ConvergenceMilliseconds)}"));
        }
    }
}
