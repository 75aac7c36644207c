namespace MpibCtl;

/// <summary>What the exit code says.</summary>
public static class ExitCode
{
    /// <summary>Done; the agent serves.</summary>
    public const int Good = 0;

    /// <summary>Something is wrong, and has been told.</summary>
    public const int Bad = 1;

    /// <summary>The command line makes no sense.</summary>
    public const int Usage = 2;

    /// <summary>The agent is not running.</summary>
    public const int NotRunning = 3;
}
