using System.CommandLine;
using System.Globalization;

namespace MpibCtl;

/// <summary>Whole numbers on the command line.</summary>
internal static class WholeNumber
{
    /// <summary>Refuses what is no number, or outside of limits.</summary>
    public static Option<T> Within<T>(this Option<T> option, int least, int most = int.MaxValue)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token]
                && !(int.TryParse(token.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name}: expected {least} to {most}, got '{Text.Safe(token.Value)}'"));
            }
        });
        return option;
    }
}
