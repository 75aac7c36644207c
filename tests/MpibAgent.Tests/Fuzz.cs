using System.Globalization;

namespace MpibAgent.Tests;

/// <summary>How many inputs a property of a pure function is tried on: 200,000, or as many as MPIB_FUZZ says.</summary>
internal static class Fuzz
{
    public static long Iterations { get; } =
        long.TryParse(Environment.GetEnvironmentVariable("MPIB_FUZZ"), CultureInfo.InvariantCulture, out var iterations) ? iterations : 200_000;
}
