using System.Globalization;
using System.Text;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;

namespace MpibAgent.Logging;

/// <summary>
/// Lines for standard output, in UTF-8. They are held until <see cref="Flush"/>, so that one write takes several: each by itself, as Serilog's own sink
/// writes them, is a third of all that a line costs. Owns the stream. One thread at a time.
/// </summary>
internal sealed class ConsoleSink(ITextFormatter formatter, Stream output) : ILogEventSink, IDisposable
{
    private readonly StringWriter _held = new(CultureInfo.InvariantCulture);
    private readonly StreamWriter _output = new(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));

    /// <summary>Makes the line, and holds it.</summary>
    public void Emit(LogEvent logEvent)
    {
        var text = _held.GetStringBuilder();
        var before = text.Length;
        try
        {
            formatter.Format(logEvent, _held);
        }
        catch
        {
            text.Length = before; // No half lines.
            throw;
        }
    }

    /// <summary>Writes the lines that are held. May block; where it fails they are lost.</summary>
    /// <exception cref="IOException">They could not be written.</exception>
    public void Flush()
    {
        try
        {
            _output.Write(_held.GetStringBuilder());
            _output.Flush();
        }
        finally
        {
            _held.GetStringBuilder().Clear();
        }
    }

    /// <summary>Closes the stream.</summary>
    public void Dispose() => _output.Dispose();
}
