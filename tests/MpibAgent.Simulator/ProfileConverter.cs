using System.Text.Json;
using System.Text.Json.Serialization;

namespace MpibAgent.Simulator;

/// <summary>
/// Reads a profile: a number, [[t, v], ...] for steps, or an object of one key, "ramp", "onoff", "walk" or "sum".
/// </summary>
internal sealed class ProfileConverter : JsonConverter<CapacityProfile>
{
    public override CapacityProfile Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var element = JsonElement.ParseValue(ref reader);
        try
        {
            return Parse(element);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new JsonException($"expected a number, [[t, v], ...], ramp, onoff, walk or sum, got {element.GetRawText()}: {e.Message}", e);
        }
    }

    public override void Write(Utf8JsonWriter writer, CapacityProfile value, JsonSerializerOptions options) => throw new NotSupportedException();

    private static CapacityProfile Parse(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Number:
                return CapacityProfile.Always(Rate(element));
            case JsonValueKind.Array:
                return new CapacityProfile.Steps(Points(element));
            case JsonValueKind.Object when element.GetPropertyCount() == 1:
                var only = element.EnumerateObject().First();
                return only.Name switch
                {
                    "ramp" => new CapacityProfile.Ramp(Points(only.Value)),
                    "onoff" => OnOff(only.Value),
                    "walk" => Walk(only.Value),
                    "sum" when only.Value.GetArrayLength() > 0 => new CapacityProfile.Sum([.. only.Value.EnumerateArray().Select(Parse)]),
                    "sum" => throw new FormatException("it has no parts"),
                    _ => throw new FormatException($"unknown key \"{only.Name}\""),
                };
            default:
                throw new FormatException("none of these");
        }
    }

    private static (double Time, double Value)[] Points(JsonElement list)
    {
        var points = new (double Time, double Value)[list.GetArrayLength()];
        for (var i = 0; i < points.Length; i++)
        {
            if (list[i].GetArrayLength() != 2)
            {
                throw new FormatException($"a point is [t, v], not {list[i].GetRawText()}");
            }

            points[i] = (list[i][0].GetDouble(), Rate(list[i][1]));
            if (i > 0 && points[i].Time <= points[i - 1].Time)
            {
                throw new FormatException("its times do not ascend");
            }
        }

        return points.Length > 0 ? points : throw new FormatException("it has no points");
    }

    private static CapacityProfile.OnOff OnOff(JsonElement element)
    {
        Only(element, "period_ms", "duty", "on", "off", "t0", "t1");
        return new(
            PeriodSeconds(element),
            Value(element, "duty", 0.5) is >= 0 and <= 1 and var duty ? duty : throw new FormatException("duty is not 0 to 1"),
            RateOf(element, "on"),
            RateOf(element, "off", 0),
            Value(element, "t0", 0),
            Value(element, "t1", 1e9));
    }

    private static CapacityProfile.Walk Walk(JsonElement element)
    {
        Only(element, "period_ms", "lo", "hi", "seed");
        var (low, high) = (RateOf(element, "lo"), RateOf(element, "hi"));
        return low <= high ? new(PeriodSeconds(element), low, high, (int)Value(element, "seed", 7)) : throw new FormatException("lo is above hi");
    }

    private static double Rate(JsonElement element)
        => element.GetDouble() is >= 0 and < double.PositiveInfinity and var rate ? rate : throw new FormatException($"{element.GetRawText()} is no rate");

    private static double RateOf(JsonElement element, string key, double? otherwise = null)
        => element.TryGetProperty(key, out var value) ? Rate(value) : otherwise ?? throw new FormatException($"{key} is missing");

    private static double PeriodSeconds(JsonElement element)
        => Value(element, "period_ms") is > 0 and var period ? period / 1000 : throw new FormatException("period_ms is not above 0");

    private static double Value(JsonElement element, string key, double? otherwise = null)
        => element.TryGetProperty(key, out var value) ? value.GetDouble() : otherwise ?? throw new FormatException($"{key} is missing");

    private static void Only(JsonElement element, params ReadOnlySpan<string> known)
    {
        var seen = new HashSet<string>();
        foreach (var property in element.EnumerateObject())
        {
            if (!seen.Add(property.Name))
            {
                throw new FormatException($"{property.Name} is there twice");
            }

            if (!known.Contains(property.Name))
            {
                throw new FormatException($"unknown key \"{property.Name}\"");
            }
        }
    }
}
