namespace MpibAgent.Registration;

/// <summary>Why a request was answered with another status than success.</summary>
internal enum RefusalReason
{
    /// <summary>It was no request.</summary>
    BadRequest,

    /// <summary>The peer's pid namespace cannot be seen from the agent's.</summary>
    PidNamespace,

    /// <summary>The process that connected has ended.</summary>
    ProcessEnded,

    /// <summary>No descriptor for a process, or no memory to watch it.</summary>
    Descriptors,

    /// <summary>All slots have a flow.</summary>
    Slots,

    /// <summary>SlotsPerUser.</summary>
    SlotsPerUser,

    /// <summary>ConnectionsPerUser.</summary>
    ConnectionsPerUser,

    /// <summary>ProcessesPerUser.</summary>
    ProcessesPerUser,

    /// <summary>The state file cannot grow.</summary>
    StateFile,

    /// <summary>The system gave no memory.</summary>
    Memory,
}
