namespace MpibAgent.Control;

/// <summary>Settings of the control FIFO, section [Control].</summary>
internal sealed class ControlOptions
{
    /// <summary>The default path. Without root, and where its directory cannot be made, the FIFO goes elsewhere (see <see cref="ControlPath"/>).</summary>
    public const string DefaultPath = "/run/mpib/control";

    /// <summary>Owner and group may write commands.</summary>
    public const string DefaultMode = "0620";

    /// <summary>Absolute path of the FIFO.</summary>
    public string Path { get; set; } = DefaultPath;

    /// <summary>Mode of the FIFO, octal: who may write commands. Not used for a FIFO that systemd made.</summary>
    public string Mode { get; set; } = DefaultMode;

    /// <summary>The FIFO's group, if there is one of this name.</summary>
    public string Group { get; set; } = Ownership.ServiceUser;
}
