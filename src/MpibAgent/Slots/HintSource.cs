namespace MpibAgent.Slots;

/// <summary>Who set a slot's hint last.</summary>
internal enum HintSource
{
    /// <summary>Nobody: it is the initial hint.</summary>
    Initial,

    /// <summary>A line in the control FIFO.</summary>
    Operator,

    /// <summary>The policy.</summary>
    Policy,

    /// <summary>It was found in the region, and the record of who had set it is lost.</summary>
    Adopted,
}
