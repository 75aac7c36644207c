namespace MpibAgent.Slots;

/// <summary>What becomes of a flow for which there is no slot.</summary>
internal enum Overflow
{
    /// <summary>Its registration gets status 1, and the job fails.</summary>
    Refuse,

    /// <summary>It shares one slot, and its hint, with all others of that kind.</summary>
    Share,
}

/// <summary>Settings of what one user may hold, section [Limits]. They keep one user from taking all there is; root is a user like others.</summary>
internal sealed class LimitOptions
{
    /// <summary>
    /// Slots that one user's flows may have, 1 to 256. A slot counts for one user who has a connection in it: the one who registered its flow, and when that one has
    /// none left another. After a restart it is one of those who are left: records of connections do not say whose flow it was first.
    /// </summary>
    public int SlotsPerUser { get; set; } = 240;

    /// <summary>What becomes of a flow beyond the slots, or beyond those of its user.</summary>
    public Overflow Overflow { get; set; } = Overflow.Refuse;

    /// <summary>Processes of one user that may hold connections, 1 to 1048576. Each takes a descriptor: keep it below LimitNOFILE= of the unit.</summary>
    public int ProcessesPerUser { get; set; } = 16384;

    /// <summary>Connections that one user may have registered, 1 to 16777216.</summary>
    public int ConnectionsPerUser { get; set; } = 131072;
}
