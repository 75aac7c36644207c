namespace MpibAgent.Telemetry;

/// <summary>Why a datagram changed nothing.</summary>
internal enum Refusal
{
    /// <summary>It was accepted.</summary>
    None,

    /// <summary>It came from an address that is not in the list.</summary>
    ForbiddenSender,

    /// <summary>It is no report: its length, magic, size, rail or reserved bytes.</summary>
    Malformed,

    /// <summary>It is a report of another version.</summary>
    Version,

    /// <summary>Its MAC does not fit, or it has one and there is no key.</summary>
    BadMac,

    /// <summary>Its sequence is not higher than the sender's last: replayed, or overtaken by a later one.</summary>
    Replayed,

    /// <summary>There is no room for another sender or another path.</summary>
    TableFull,
}
