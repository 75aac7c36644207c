using System.Text.Json;
using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

/// <summary>[from, to), seconds; in JSON [t0, t1].</summary>
[JsonConverter(typeof(Converter))]
internal readonly record struct TimeWindow(double From, double To)
{
    private sealed class Converter() : ShortListConverter<TimeWindow>("[t0, t1]", 2)
    {
        protected override TimeWindow Parse(JsonElement[] parts) => new(parts[0].GetDouble(), parts[1].GetDouble());
    }
}

/// <summary>When something happens to a rail; in JSON [t, "sup"].</summary>
[JsonConverter(typeof(Converter))]
internal readonly record struct RailMoment(double Time, int Rail)
{
    private sealed class Converter() : ShortListConverter<RailMoment>("[t, \"sout\" or \"sup\"]", 2)
    {
        protected override RailMoment Parse(JsonElement[] parts) => new(parts[0].GetDouble(), RailOf(parts[1]));
    }
}

/// <summary>How long something lasts on a rail; in JSON [t0, t1, "sup"].</summary>
[JsonConverter(typeof(Converter))]
internal readonly record struct RailWindow(double From, double To, int Rail)
{
    private sealed class Converter() : ShortListConverter<RailWindow>("[t0, t1, \"sout\" or \"sup\"]", 3)
    {
        protected override RailWindow Parse(JsonElement[] parts) => new(parts[0].GetDouble(), parts[1].GetDouble(), RailOf(parts[2]));
    }
}

/// <summary>From when on a rail is in a state; in JSON [t, "down"].</summary>
[JsonConverter(typeof(Converter))]
internal readonly record struct StateChange(double Time, RailState State)
{
    private sealed class Converter() : ShortListConverter<StateChange>("[t, \"up\", \"down\" or \"dead\"]", 2)
    {
        protected override StateChange Parse(JsonElement[] parts) => new(parts[0].GetDouble(), parts[1].GetString() switch
        {
            "up" => RailState.Up,
            "down" => RailState.Down,
            "dead" => RailState.Dead,
            _ => throw new FormatException(),
        });
    }
}

/// <summary>Reads a value that is written as a short JSON list; anything else is an error that names the form expected.</summary>
internal abstract class ShortListConverter<T>(string form, int length) : JsonConverter<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var element = JsonElement.ParseValue(ref reader);
        try
        {
            return element.GetArrayLength() == length ? Parse([.. element.EnumerateArray()]) : throw new FormatException();
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new JsonException($"expected {form}, got {element.GetRawText()}", e);
        }
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => throw new NotSupportedException();

    protected abstract T Parse(JsonElement[] parts);

    protected static int RailOf(JsonElement name) => name.GetString() switch
    {
        "sout" => TwoRails.Sout,
        "sup" => TwoRails.Sup,
        _ => throw new FormatException(),
    };
}

/// <summary>A burst's volume in bytes: a number, or [lowest, highest].</summary>
internal sealed class VolumeConverter : JsonConverter<double[]>
{
    public override double[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var element = JsonElement.ParseValue(ref reader);
        try
        {
            return element.ValueKind == JsonValueKind.Number
                ? [element.GetDouble()]
                : element.EnumerateArray().Select(bound => bound.GetDouble()).ToArray() is { Length: 2 } range ? range : throw new FormatException();
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new JsonException($"expected bytes or [lowest, highest], got {element.GetRawText()}", e);
        }
    }

    public override void Write(Utf8JsonWriter writer, double[] value, JsonSerializerOptions options) => throw new NotSupportedException();
}
