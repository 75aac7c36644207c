namespace MpibAgent.Policy;

/// <summary>
/// Watches for a rail that goes on alone while the other one has nothing left to do: of big messages and at the ends of bursts the fuller rail's part takes
/// longer. What each of them carries while it sends is its capacity then, whatever the split, and whatever of older splits is still under way.
/// </summary>
internal sealed class DrainWatch
{
    /// <summary>Readings, and seconds of traffic, before a verdict: a few messages.</summary>
    private const int LeastReadings = 20;
    private const double LeastSeconds = 0.1;

    /// <summary>The part of them that a rail is alone before it has too much for sure; and the least move, in log odds, that this is worth.</summary>
    private const double TooLong = 0.15, LeastMove = 0.2;

    /// <summary>A rail whose bytes went at a rate of no more than so many times its mean is full. Others' traffic, alone in the job's pauses, is less than both together.</summary>
    private const double Even = 1.1;

    private Rail _sout, _sup;
    private double _seconds;
    private int _readings;

    /// <summary>What was seen is void.</summary>
    public void Reset() => (_sout, _sup, _seconds, _readings) = (default, default, 0, 0);

    /// <summary>Takes a reading with traffic in.</summary>
    /// <param name="rates">What both rails sent since the one before.</param>
    /// <param name="isSoutAlone">Whether SUP had nothing to do, of what the split gives it.</param>
    /// <param name="isSupAlone">Whether SOUT had.</param>
    /// <param name="held">The share that is held, in log odds.</param>
    /// <returns>The log odds of both capacities, once a rail has too much for sure.</returns>
    public double? Note(in Rates rates, bool isSoutAlone, bool isSupAlone, double held)
    {
        _seconds += rates.Seconds;
        _sout.Add(rates.Seconds, rates.Sout, isSoutAlone, isSupAlone);
        _sup.Add(rates.Seconds, rates.Sup, isSupAlone, isSoutAlone);
        if (++_readings < LeastReadings || _seconds < LeastSeconds)
        {
            return null;
        }

        var direction = _sup.Alone > _sout.Alone ? -1 : 1;
        var fuller = direction < 0 ? _sup : _sout;
        var full = Math.Log((_sup.Capacity + 1) / (_sout.Capacity + 1));
        var hasTooMuch = fuller.Alone > TooLong * _seconds && fuller.IsFull && direction * (full - held) > LeastMove;
        Reset();
        return hasTooMuch ? full : null;
    }

    private struct Rail
    {
        private double _bytes, _squares, _sending;

        /// <summary>Seconds in which the other one had nothing to do.</summary>
        public double Alone { get; private set; }

        /// <summary>The rate at which a byte goes, in the mean over the bytes: pauses do not count.</summary>
        public readonly double Capacity => _bytes > 0 ? _squares / _bytes : 0;

        public readonly bool IsFull => Capacity * _sending < Even * _bytes;

        public void Add(double seconds, double rate, bool isAlone, bool isOtherAlone)
        {
            Alone += isAlone ? seconds : 0;
            _sending += isOtherAlone ? 0 : seconds;
            _bytes += seconds * rate;
            _squares += seconds * rate * rate;
        }
    }
}
