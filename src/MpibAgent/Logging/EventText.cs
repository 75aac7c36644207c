using System.Globalization;
using Serilog.Events;
using Serilog.Formatting.Display;

namespace MpibAgent.Logging;

/// <summary>What the journal and the terminal both say of a log event. Pure.</summary>
internal static class EventText
{
    /// <summary>The property in which Microsoft.Extensions.Logging's event id arrives: a structure of Id and Name.</summary>
    public const string EventId = "EventId";

    /// <summary>The property in which the category of an ILogger arrives: the full name of a type.</summary>
    public const string SourceContext = "SourceContext";

    /// <summary>l: strings as they are, without quotes.</summary>
    private static readonly MessageTemplateTextFormatter Message = new("{Message:l}", CultureInfo.InvariantCulture);

    /// <summary>
    /// The message, and after it what went wrong, ": Type: message" for the exception and each one within. The stack is not a part of it.
    /// </summary>
    public static void WriteMessage(LogEvent logEvent, TextWriter output)
    {
        Message.Format(logEvent, output);
        for (var exception = logEvent.Exception; exception is not null; exception = exception.InnerException)
        {
            output.Write(": ");
            output.Write(exception.GetType().Name);
            output.Write(": ");
            output.Write(exception.Message);
        }
    }

    /// <summary>The last part of the category: Listener for MpibAgent.Registration.Listener. Empty when there is none.</summary>
    public static ReadOnlySpan<char> Component(LogEvent logEvent)
    {
        var category = Category(logEvent);
        return category.AsSpan(category.LastIndexOf('.') + 1);
    }

    /// <summary>The event was logged by the agent, and not by the libraries that log to the same place.</summary>
    public static bool IsOurs(LogEvent logEvent)
    {
        var category = Category(logEvent);
        return !category.StartsWith("Microsoft.", StringComparison.Ordinal) && !category.StartsWith("System.", StringComparison.Ordinal);
    }

    private static string Category(LogEvent logEvent) =>
        logEvent.Properties.TryGetValue(SourceContext, out var value) && value is ScalarValue { Value: string category } ? category : "";
}
