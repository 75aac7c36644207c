namespace MpibAgent.Simulator;

/// <summary>
/// The generator of CPython's <c>random.Random</c>: Mersenne twister 19937 seeded with an integer. The figures that the simulator is held to were
/// drawn with it, so a run is comparable number for number only if it draws the same.
/// </summary>
internal sealed class PythonRandom
{
    private const int StateLength = 624;
    private const int MiddleWord = 397;

    private readonly uint[] _state = new uint[StateLength];
    private int _next = StateLength;
    private double? _secondGauss;

    public PythonRandom(long seed)
    {
        var magnitude = (ulong)Math.Abs(seed);
        Span<uint> key = [(uint)magnitude, (uint)(magnitude >> 32)];
        Seed(key[1] == 0 ? key[..1] : key);
    }

    /// <summary>Uniform in [0, 1), of 53 bits.</summary>
    public double NextDouble()
    {
        var high = NextWord() >> 5;
        var low = NextWord() >> 6;
        return ((high * 67108864.0) + low) * (1.0 / 9007199254740992.0);
    }

    /// <summary>Uniform between two values.</summary>
    public double Uniform(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>Normally distributed. Values come in pairs: every second call uses up what the first has left.</summary>
    public double Gauss(double mean, double sigma)
    {
        if (_secondGauss is { } kept)
        {
            _secondGauss = null;
            return mean + (kept * sigma);
        }

        var angle = NextDouble() * (2.0 * Math.PI);
        var radius = Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble()));
        _secondGauss = Math.Sin(angle) * radius;
        return mean + (Math.Cos(angle) * radius * sigma);
    }

    /// <summary>A whole number from 0 up to, and without, <paramref name="limit"/>.</summary>
    public int Below(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        var unused = System.Numerics.BitOperations.LeadingZeroCount((uint)limit);
        uint drawn;
        do
        {
            drawn = NextWord() >> unused;
        }
        while (drawn >= limit);
        return (int)drawn;
    }

    /// <summary>One of the values.</summary>
    public T Choice<T>(ReadOnlySpan<T> values) => values[Below(values.Length)];

    private void Seed(ReadOnlySpan<uint> key)
    {
        _state[0] = 19650218;
        for (var i = 1; i < StateLength; i++)
        {
            _state[i] = (1812433253 * Mixed(i - 1)) + (uint)i;
        }

        var at = 1;
        for (var i = 0; i < StateLength; i++)
        {
            _state[at] = (_state[at] ^ (Mixed(at - 1) * 1664525)) + key[i % key.Length] + (uint)(i % key.Length);
            at = Following(at);
        }

        for (var i = 1; i < StateLength; i++)
        {
            _state[at] = (_state[at] ^ (Mixed(at - 1) * 1566083941)) - (uint)at;
            at = Following(at);
        }

        _state[0] = 0x8000_0000;
    }

    private uint Mixed(int i) => _state[i] ^ (_state[i] >> 30);

    private int Following(int at)
    {
        if (at + 1 < StateLength)
        {
            return at + 1;
        }

        _state[0] = _state[StateLength - 1];
        return 1;
    }

    private uint NextWord()
    {
        if (_next == StateLength)
        {
            Refill();
        }

        var word = _state[_next++];
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        return word ^ (word >> 18);
    }

    private void Refill()
    {
        for (var i = 0; i < StateLength; i++)
        {
            var joined = (_state[i] & 0x8000_0000) | (_state[(i + 1) % StateLength] & 0x7fff_ffff);
            _state[i] = _state[(i + MiddleWord) % StateLength] ^ (joined >> 1) ^ ((joined & 1) * 0x9908_b0df);
        }

        _next = 0;
    }
}
