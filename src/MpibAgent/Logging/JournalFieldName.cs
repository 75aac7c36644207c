using System.Text;

namespace MpibAgent.Logging;

/// <summary>
/// Names of journal fields made of property names: ConnId becomes MPIB_CONN_ID. Pure. What journald would not take as a name, and what
/// would pass for a field of another meaning, has no name here, so the field is left out.
/// </summary>
internal static class JournalFieldName
{
    /// <summary>Journald ignores fields with longer names.</summary>
    public const int MaxLength = 64;

    /// <summary>The names that <see cref="JournalEntry"/> gives itself; a property cannot claim them.</summary>
    private static readonly string[] OwnNames = ["MPIB_COMPONENT", "MPIB_EVENT", "MPIB_EXCEPTION"];

    /// <summary>
    /// Writes the field name of <paramref name="property"/>. False when there is none: the property's name has other characters than
    /// ASCII letters, digits and underscores, is empty or too long, or the field's name is taken.
    /// </summary>
    /// <param name="property">The name in PascalCase.</param>
    /// <param name="name">Takes at least <see cref="MaxLength"/> bytes.</param>
    /// <param name="length">Bytes of the name.</param>
    public static bool TryWrite(ReadOnlySpan<char> property, Span<byte> name, out int length)
    {
        // The prefix keeps a property from beginning with a digit or with an underscore, which marks the fields that journald vouches for.
        "MPIB_"u8.CopyTo(name);
        length = 5;
        for (var i = 0; i < property.Length; i++)
        {
            var c = property[i];
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return false;
            }

            if (BeginsWord(property, i))
            {
                if (length >= MaxLength)
                {
                    return false;
                }

                name[length++] = (byte)'_';
            }

            if (length >= MaxLength)
            {
                return false;
            }

            name[length++] = (byte)char.ToUpperInvariant(c);
        }

        return property.Length > 0 && !IsOwn(name[..length]);
    }

    /// <summary>SrcIp is SRC_IP, SrcIP is SRC_IP, IPAddress is IP_ADDRESS, Rail2Rate is RAIL2_RATE.</summary>
    private static bool BeginsWord(ReadOnlySpan<char> text, int i) =>
        i > 0 && char.IsAsciiLetterUpper(text[i]) && text[i - 1] != '_'
        && (!char.IsAsciiLetterUpper(text[i - 1]) || (i + 1 < text.Length && char.IsAsciiLetterLower(text[i + 1])));

    private static bool IsOwn(ReadOnlySpan<byte> name)
    {
        foreach (var own in OwnNames)
        {
            if (Ascii.Equals(name, own))
            {
                return true;
            }
        }

        return false;
    }
}
