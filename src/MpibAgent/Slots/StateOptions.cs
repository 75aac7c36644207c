namespace MpibAgent.Slots;

/// <summary>Settings of what survives a restart, section [State].</summary>
internal sealed class StateOptions
{
    /// <summary>Its name where the settings give none.</summary>
    public const string FileName = "state";

    /// <summary>The name of the lock beside it.</summary>
    public const string LockName = "state.lock";

    /// <summary>Absolute path of the state file; when empty, "state" beside the control FIFO. It belongs on a file system that a boot empties.</summary>
    public string Path { get; set; } = "";
}
