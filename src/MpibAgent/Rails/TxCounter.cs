namespace MpibAgent.Rails;

/// <summary>How a counter went on from its last value.</summary>
internal enum CounterStep
{
    Forward,
    Wrapped,
    Reset,
}

/// <summary>
/// Makes a counter that only goes up out of one that may be 32 bits wide: one that was near the end of 32 bits and is near 0 has wrapped.
/// One that falls otherwise was reset, and is passed on as it is.
/// </summary>
/// <param name="unit">Bytes per count.</param>
internal struct TxCounter(uint unit)
{
    private const ulong Width = 1UL << 32;
    private const ulong NearZero = Width / 8;
    private const ulong NearEnd = Width - NearZero;

    private ulong _last;
    private ulong _wrapped;

    /// <summary>The bytes that the counter's present value stands for.</summary>
    public ulong Follow(ulong value, out CounterStep step)
    {
        step = value >= _last ? CounterStep.Forward
            : _last is >= NearEnd and < Width && value < NearZero ? CounterStep.Wrapped
            : CounterStep.Reset;
        _wrapped = step switch
        {
            CounterStep.Wrapped => _wrapped + Width,
            CounterStep.Reset => 0,
            _ => _wrapped,
        };
        _last = value;
        return unchecked((value + _wrapped) * unit);
    }
}
