namespace MpibAgent.AcceptanceTests;

/// <summary>What these tests need of the machine. The one place that skips; with MPIB_REQUIRE_ACCEPTANCE=1 nothing is skipped.</summary>
internal static class Prerequisites
{
    private static readonly string[] Programs = ["systemd-nspawn", "unshare", "nsenter", "setpriv", "gcc", "ip", "tc", "dotnet", "lintian", "curl"];

    private static readonly Lazy<string?> Missing = new(Find);

    public static bool AreMet => Missing.Value is null;

    public static void Require() => Require(Missing.Value);

    /// <summary>Skips when something is missing.</summary>
    public static void Require(string? missing)
    {
        if (missing is null)
        {
            return;
        }

        var reason = $"{missing}; tests/MpibAgent.AcceptanceTests/install-prerequisites.sh installs what can be installed";
        Assert.False(Environment.GetEnvironmentVariable("MPIB_REQUIRE_ACCEPTANCE") == "1", reason);
        Assert.Skip(reason);
    }

    private static string? Find()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return "a real systemd in a container takes root";
        }

        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        var absent = Programs.Where(program => !path.Any(directory => File.Exists(Path.Combine(directory, program)))).ToArray();
        if (absent.Length > 0)
        {
            return $"not installed: {string.Join(", ", absent)}";
        }

        // Root in a container may still be nobody.
        using var probe = Command.Start(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "tmpfs", "/run"]);
        probe.WaitForExit();
        return probe.ExitCode == 0 ? null : "this root may not make namespaces and mounts";
    }
}
