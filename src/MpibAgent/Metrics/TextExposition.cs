using System.Buffers;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text;

namespace MpibAgent.Metrics;

/// <summary>
/// Listens to the <see cref="AgentMetrics"/> and writes them in Prometheus' text format 0.0.4. Names and units become what OpenTelemetry's exporters
/// make of them. Owned by <see cref="MetricsFile"/>, on the loop's thread.
/// </summary>
internal sealed class TextExposition : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly StringBuilder _text = new(8192);
    private readonly Histogram<double> _histogram;
    private readonly IReadOnlyList<double> _bounds;
    private readonly long[] _buckets;
    private double _sum;
    private Instrument? _current;

    /// <param name="metrics">What is listened to, until this is disposed.</param>
    /// <param name="observed">Called when a registration has been timed.</param>
    public TextExposition(AgentMetrics metrics, Action observed)
    {
        _histogram = metrics.RegistrationTime;
        _bounds = _histogram.Advice!.HistogramBucketBoundaries!;
        _buckets = new long[_bounds.Count + 1];
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (metrics.Owns(instrument))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Write(instrument, tags, value.ToString(CultureInfo.InvariantCulture)));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            if (ReferenceEquals(instrument, _histogram))
            {
                Count(value);
                observed();
            }
            else
            {
                Write(instrument, tags, value.ToString(CultureInfo.InvariantCulture));
            }
        });
        _listener.Start();
    }

    /// <summary>Appends all that there is.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it; nothing that counts has changed.</exception>
    public void Write(IBufferWriter<byte> output)
    {
        _text.Clear();
        _current = null;
        try
        {
            _listener.RecordObservableInstruments();
        }
        catch (AggregateException faults) when (faults.InnerExceptions.All(fault => fault is OutOfMemoryException))
        {
            ExceptionDispatchInfo.Throw(faults.InnerExceptions[0]);
        }

        WriteHistogram();
        foreach (var chunk in _text.GetChunks())
        {
            Encoding.UTF8.GetBytes(chunk.Span, output);
        }
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>The name that an instrument has in Prometheus.</summary>
    public static string NameOf(Instrument instrument) => instrument.Name.Replace('.', '_') + instrument.Unit switch
    {
        "s" => "_seconds",
        "By" => "_bytes",
        "By/s" => "_bytes_per_second",
        "1" => "_ratio",
        _ => "",
    } + (TypeOf(instrument) == "counter" ? "_total" : "");

    private static string TypeOf(Instrument instrument) => instrument switch
    {
        ObservableCounter<long> => "counter",
        Histogram<double> => "histogram",
        _ => "gauge",
    };

    private void Count(double seconds)
    {
        var bucket = 0;
        while (bucket < _bounds.Count && seconds > _bounds[bucket])
        {
            bucket++;
        }

        _buckets[bucket]++;
        _sum += seconds;
    }

    private void Write(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags, string value)
    {
        WriteHead(instrument);
        _text.Append(NameOf(instrument));
        var before = '{';
        foreach (var (name, label) in tags)
        {
            // None of the labels' values holds what would have to be escaped.
            _text.Append(before).Append(name).Append("=\"").Append(label).Append('"');
            before = ',';
        }

        _text.Append(before == '{' ? " " : "} ").Append(value).Append('\n');
    }

    private void WriteHead(Instrument instrument)
    {
        if (!ReferenceEquals(_current, instrument))
        {
            _current = instrument;
            var name = NameOf(instrument);
            _text.Append("# HELP ").Append(name).Append(' ').Append(instrument.Description).Append("\n# TYPE ").Append(name).Append(' ')
                .Append(TypeOf(instrument)).Append('\n');
        }
    }

    private void WriteHistogram()
    {
        WriteHead(_histogram);
        var name = NameOf(_histogram);
        var count = 0L;
        for (var i = 0; i < _buckets.Length; i++)
        {
            count += _buckets[i];
            var bound = i < _bounds.Count ? _bounds[i].ToString("0.#######", CultureInfo.InvariantCulture) : "+Inf";
            _text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{le=\"{bound}\"}} {count}\n");
        }

        _text.Append(CultureInfo.InvariantCulture, $"{name}_sum {Math.Round(_sum, 6)}\n{name}_count {count}\n");
    }
}
