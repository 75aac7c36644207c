using System.Globalization;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>A hint as an operator writes it: a number, or a share of SUP in percent. Pure.</summary>
public static class HintText
{
    /// <summary>Reads "2" or "66%"; a percentage becomes the hint of the encoding whose share is nearest.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="encoding">What hints mean to the plugin in use.</param>
    /// <param name="hint">The hint.</param>
    /// <param name="asked">The percentage, when that is what was written.</param>
    /// <param name="reason">What was expected, when the result is false.</param>
    public static bool TryParse(string text, HintEncoding encoding, out uint hint, out double? asked, out string reason)
    {
        (hint, asked, reason) = (0, null, "");
        if (text.EndsWith('%'))
        {
            if (!double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
                || percent is not (>= 0 and <= 100))
            {
                reason = "expected a share of SUP of 0% to 100%";
                return false;
            }

            asked = percent;
            hint = encoding.Nearest(percent / 100);
            return true;
        }

        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out hint) && hint <= encoding.MaxHint())
        {
            return true;
        }

        reason = string.Create(CultureInfo.InvariantCulture,
            $"expected a hint of 0 to {encoding.MaxHint()} (encoding {encoding.Name()}), or a share of SUP such as 66%");
        return false;
    }

    /// <summary>Reads the name of an encoding.</summary>
    public static bool TryParseEncoding(string name, out HintEncoding encoding)
    {
        encoding = name == HintEncoding.Ppm1024.Name() ? HintEncoding.Ppm1024 : HintEncoding.Multiplier;
        return name == encoding.Name();
    }
}
