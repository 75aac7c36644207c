using MpibAgent.Interface;

namespace MpibAgent.Hints;

/// <summary>What the hints do when the agent is stopped.</summary>
internal enum HintsOnStop
{
    /// <summary>They stay as they are: jobs go on as before.</summary>
    Keep,

    /// <summary>Every slot returns to the initial hint.</summary>
    Reset,
}

/// <summary>Settings of the hint region, section [Hints].</summary>
internal sealed class HintOptions
{
    /// <summary>The name of the lock beside the region.</summary>
    public const string LockName = "agent.lock";

    /// <summary>Absolute path of the region. The plugin looks at the default.</summary>
    public string Path { get; set; } = HintLayout.DefaultPath;

    /// <summary>File mode, octal. The plugin opens the region read-only as any user; nobody but the owner may write.</summary>
    public string Mode { get; set; } = "0644";

    /// <summary>The hint of a slot until somebody sets another: 0 to the encoding's highest.</summary>
    public uint Initial { get; set; } = 1;

    /// <summary>Which revision of the plugin reads the hints.</summary>
    public HintEncoding Encoding { get; set; } = HintEncoding.Multiplier;

    /// <summary>What the hints do when the agent is stopped by SIGTERM or SIGINT. A crash always keeps them.</summary>
    public HintsOnStop OnStop { get; set; } = HintsOnStop.Keep;
}
