namespace MpibAgent.Slots;

/// <summary>What came of a registration.</summary>
internal enum RegisterOutcome
{
    /// <summary>It was made.</summary>
    Registered,

    /// <summary>It was there already, with this flow.</summary>
    KnownAlready,

    /// <summary>All slots have a flow.</summary>
    NoFreeSlot,

    /// <summary>The user's flows have as many slots as one user's may.</summary>
    TooManySlots,

    /// <summary>The user has as many connections as one may.</summary>
    TooManyConnections,

    /// <summary>The state file cannot grow.</summary>
    NoRoomForState,
}
