using System.Globalization;

namespace MpibAgent.Simulator;

/// <summary>A figure that changes over a run, such as a path's rate in Gb/s. Immutable, so that parallel runs share it.</summary>
internal abstract class CapacityProfile
{
    /// <summary>Its value at a time.</summary>
    /// <param name="time">Seconds since the run's start.</param>
    public abstract double At(double time);

    public static CapacityProfile Always(double value) => new Constant(value);

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private static string Text((double Time, double Value)[] points)
        => string.Join(' ', points.Select(point => $"{Text(point.Time)}s:{Text(point.Value)}"));

    public sealed class Constant(double value) : CapacityProfile
    {
        public override double At(double time) => value;

        public override string ToString() => Text(value);
    }

    /// <summary>Holds each value until the next point; before the first point, the first value.</summary>
    public sealed class Steps((double Time, double Value)[] points) : CapacityProfile
    {
        public override double At(double time)
        {
            var value = points[0].Value;
            foreach (var point in points)
            {
                if (time < point.Time)
                {
                    break;
                }

                value = point.Value;
            }

            return value;
        }

        public override string ToString() => $"steps {Text(points)}";
    }

    /// <summary>Straight lines between the points, level outside them.</summary>
    public sealed class Ramp((double Time, double Value)[] points) : CapacityProfile
    {
        public override double At(double time)
        {
            if (time <= points[0].Time)
            {
                return points[0].Value;
            }

            for (var i = 1; i < points.Length; i++)
            {
                var (from, to) = (points[i - 1], points[i]);
                if (time < to.Time)
                {
                    return from.Value + ((to.Value - from.Value) * (time - from.Time) / (to.Time - from.Time));
                }
            }

            return points[^1].Value;
        }

        public override string ToString() => $"ramp {Text(points)}";
    }

    /// <summary>Alternates between two values from <paramref name="start"/> to <paramref name="end"/>, and is off outside.</summary>
    /// <param name="period">Seconds of one on and one off phase.</param>
    /// <param name="duty">The part of it that is on, 0 to 1; it comes first.</param>
    /// <param name="on">Value while on.</param>
    /// <param name="off">Value while off.</param>
    /// <param name="start">Seconds.</param>
    /// <param name="end">Seconds.</param>
    public sealed class OnOff(double period, double duty, double on, double off, double start, double end) : CapacityProfile
    {
        public override double At(double time)
            => time >= start && time < end && (time - start) % period < duty * period ? on : off;

        public override string ToString() => $"on/off {Text(on)}/{Text(off)} every {Text(period * 1000)} ms";
    }

    /// <summary>Another level, drawn uniformly, in every period.</summary>
    public sealed class Walk : CapacityProfile
    {
        private const int LevelCount = 20_000;

        private readonly double _period;
        private readonly string _text;
        private readonly double[] _levels = new double[LevelCount];

        /// <param name="period">Seconds that a level lasts.</param>
        /// <param name="low">Lowest level.</param>
        /// <param name="high">Highest level.</param>
        /// <param name="seed">Of the levels.</param>
        public Walk(double period, double low, double high, int seed)
        {
            _period = period;
            _text = $"walk {Text(low)}..{Text(high)} every {Text(period * 1000)} ms";
            var random = new PythonRandom(seed);
            for (var i = 0; i < LevelCount; i++)
            {
                _levels[i] = random.Uniform(low, high);
            }
        }

        public override double At(double time) => _levels[(int)(time / _period) % LevelCount];

        public override string ToString() => _text;
    }

    /// <summary>Is another profile up to a time, and from then on one value.</summary>
    public sealed class Until(double end, CapacityProfile before, double after) : CapacityProfile
    {
        public override double At(double time) => time < end ? before.At(time) : after;

        public override string ToString() => before.ToString()!;
    }

    public sealed class Sum(CapacityProfile[] parts) : CapacityProfile
    {
        public override double At(double time)
        {
            var sum = 0.0;
            foreach (var part in parts)
            {
                sum += part.At(time);
            }

            return sum;
        }

        public override string ToString() => string.Join(" + ", parts.Select(part => part.ToString()));
    }
}
