namespace MpibAgent.Simulator;

/// <summary>What the first flow and its host did over a run, every 2 ms; <see cref="Metrics"/> and pictures are made of it.</summary>
/// <param name="capacity">How many entries there will be, at most.</param>
internal sealed class RunLog(int capacity)
{
    private readonly Entry[] _entries = new Entry[capacity];

    public int Count { get; private set; }

    public ReadOnlySpan<Entry> Entries => _entries.AsSpan(0, Count);

    public void Add(in Entry entry) => _entries[Count++] = entry;

    /// <summary>One moment.</summary>
    /// <param name="Time">Seconds.</param>
    /// <param name="Share">SUP share of the first flow.</param>
    /// <param name="SoutCapacity">Bytes per second that SOUT could give the first host.</param>
    /// <param name="SupCapacity">Bytes per second that SUP could give the first host.</param>
    /// <param name="SoutBytes">What the first host's flows have sent over SOUT.</param>
    /// <param name="SupBytes">What the first host's flows have sent over SUP.</param>
    internal readonly record struct Entry(
        double Time, double Share, double SoutCapacity, double SupCapacity, double SoutBytes, double SupBytes)
    {
        /// <summary>The share that would use both rails to the full; 0.5 when there is nothing to use.</summary>
        public double OptimumShare => SoutCapacity + SupCapacity is > 0 and var sum ? SupCapacity / sum : 0.5;

        /// <summary>Which part of both rails' capacity the share lets through; null when there is none.</summary>
        public double? Efficiency
        {
            get
            {
                var sum = SoutCapacity + SupCapacity;
                if (sum <= 0)
                {
                    return null;
                }

                var rate = double.PositiveInfinity;
                if (Share > 0)
                {
                    rate = Math.Min(rate, SupCapacity / Share);
                }

                if (Share < 1)
                {
                    rate = Math.Min(rate, SoutCapacity / (1 - Share));
                }

                return rate / sum;
            }
        }
    }
}
