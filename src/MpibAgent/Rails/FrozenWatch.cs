namespace MpibAgent.Rails;

/// <summary>
/// Tells a counter that is frozen from a rail that has nothing to send: it stands still although the link is up, a share is to go over it, and
/// the other rail has sent a good deal meanwhile.
/// </summary>
internal struct FrozenWatch(TimeProvider time)
{
    /// <summary>Longer than any driver takes to refresh its counters (up to 1 s).</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>What the other rail has to send: more than the chatter of an idle interface.</summary>
    public const ulong MovedMeanwhile = 64 << 20;

    private ulong? _own;
    private ulong _other;
    private long _since;
    private long _lastLook;

    /// <summary>Whether it is taken for frozen.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Looks at a sample.</summary>
    /// <param name="own">The counter, in bytes.</param>
    /// <param name="other">The other rail's.</param>
    /// <param name="isToMove">Whether the link is up and a share is to go over it.</param>
    /// <param name="now">When.</param>
    public void Look(ulong? own, ulong? other, bool isToMove, long now)
    {
        // Where nobody looked for long, nothing is known of what was to move.
        var isAfterPause = time.GetElapsedTime(_lastLook, now) > Patience;
        _lastLook = now;
        if (!isToMove || isAfterPause || own is null || other is not { } sent || own != _own || sent < _other)
        {
            _own = own;
            _other = other ?? 0;
            _since = now;
            IsFrozen = false;
        }
        else
        {
            IsFrozen = sent - _other >= MovedMeanwhile && time.GetElapsedTime(_since, now) >= Patience;
        }
    }
}
