namespace MpibAgent.Slots;

/// <summary>Who set a slot's hint last.</summary>
internal enum HintSource
{
    /// <summary>Nobody: it is the initial hint.</summary>
    Initial,

    /// <summary>A line in the control FIFO. The slot is pinned: no policy touches it.</summary>
    Operator,

    /// <summary>The policy.</summary>
    Policy,

    /// <summary>It was found in the region, and the record of who had set it is lost.</summary>
    Adopted,
}

/// <summary>How it is called.</summary>
internal static class HintSources
{
    /// <summary>Its name in log and status.</summary>
    public static string Name(this HintSource source) => source switch
    {
        HintSource.Operator => "operator",
        HintSource.Policy => "policy",
        HintSource.Adopted => "an earlier agent",
        _ => "initial",
    };

    /// <summary>Why the hint is what it is, where no policy has another reason.</summary>
    public static string Meaning(this HintSource source) => source switch
    {
        HintSource.Operator => "pinned",
        HintSource.Adopted => "found in the region",
        HintSource.Policy => "set by a policy",
        _ => "not set",
    };
}
