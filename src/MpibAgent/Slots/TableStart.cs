namespace MpibAgent.Slots;

/// <summary>What the table began with.</summary>
internal enum TableStart
{
    /// <summary>Nothing.</summary>
    Fresh,

    /// <summary>The state file of an agent before.</summary>
    Restored,

    /// <summary>The flows and hints that the region named: the state file was lost.</summary>
    TakenOver,
}
