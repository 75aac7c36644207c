namespace MpibAgent.Tests;

/// <summary>
/// What some tests need of the machine. Where it is missing they are skipped with the reason; under MPIB_REQUIRE_ACCEPTANCE=1, which CI sets,
/// they fail instead, so that nothing is skipped there unnoticed.
/// </summary>
internal static class Prerequisites
{
    public static void Require(bool met, string what)
    {
        if (!met && Environment.GetEnvironmentVariable("MPIB_REQUIRE_ACCEPTANCE") == "1")
        {
            Assert.Fail($"needed here, and missing: {what}");
        }

        Assert.SkipUnless(met, $"needs {what}");
    }

    public static void RequireCommand(string name, string package) => Require(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, name))),
        $"{name} (apt-get install {package})");

    public static void RequireRoot() => Require(Environment.UserName == "root", "root");
}
