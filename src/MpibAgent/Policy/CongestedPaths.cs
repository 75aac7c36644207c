namespace MpibAgent.Policy;

/// <summary>What telemetry has the last word on: a flow leaves the rail on which its path is congested, unless both are.</summary>
internal static class CongestedPaths
{
    /// <summary>How many flows there are that must leave a rail.</summary>
    public static int Count(ReadOnlySpan<PathLevels> paths)
    {
        var count = 0;
        foreach (var path in paths)
        {
            count += path.SoutCongested != path.SupCongested ? 1 : 0;
        }

        return count;
    }

    /// <summary>Changes the shares of those flows to 0 or 1.</summary>
    public static void Leave(ReadOnlySpan<PathLevels> paths, Span<double> shares)
    {
        for (var i = 0; i < paths.Length; i++)
        {
            if (paths[i].SoutCongested != paths[i].SupCongested)
            {
                shares[i] = paths[i].SoutCongested ? 1 : 0;
            }
        }
    }
}
