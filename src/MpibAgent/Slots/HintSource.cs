namespace MpibAgent.Slots;

/// <summary>Who set a slot's hint last.</summary>
internal enum HintSource
{
    /// <summary>Nobody: it is the initial hint, or what an earlier agent left in the region.</summary>
    Initial,

    /// <summary>A line in the control FIFO.</summary>
    Operator,

    /// <summary>The policy.</summary>
    Policy,
}
