namespace MpibAgent;

/// <summary>A one-shot timer of the <see cref="EventLoop"/>, armed and fired on the loop's thread. Unarmed it costs and wakes nothing.</summary>
internal sealed class LoopTimer(TimeProvider time, Action action)
{
    /// <summary>When it fires, as a timestamp of the loop's clock; <see cref="long.MaxValue"/> when it is not armed.</summary>
    public long Due { get; private set; } = long.MaxValue;

    /// <summary>Whether it will fire.</summary>
    public bool IsArmed => Due != long.MaxValue;

    /// <summary>Fires once <paramref name="delay"/> from now, and not when it was to fire before.</summary>
    public void Arm(TimeSpan delay) => Due = time.GetTimestamp() + (long)(delay.TotalSeconds * time.TimestampFrequency);

    /// <summary>Fires at a timestamp of the loop's clock.</summary>
    public void ArmAt(long timestamp) => Due = timestamp;

    /// <summary>Does not fire.</summary>
    public void Disarm() => Due = long.MaxValue;

    /// <summary>Called by the loop when it is due.</summary>
    internal void Fire()
    {
        Disarm();
        action();
    }
}
