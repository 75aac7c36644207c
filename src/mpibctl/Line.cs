using Spectre.Console;

namespace MpibCtl;

/// <summary>A line of the screen, in parts of one style each. Its text is printable: what came from others went through <see cref="Text.Safe"/>.</summary>
public sealed class Line
{
    /// <summary>Nothing special.</summary>
    public static readonly Style Plain = Style.Plain;

    /// <summary>What a title looks like.</summary>
    public static readonly Style Strong = new(decoration: Decoration.Bold);

    /// <summary>What matters less.</summary>
    public static readonly Style Faint = new(decoration: Decoration.Dim);

    /// <summary>What is well.</summary>
    public static readonly Style Good = new(Color.Green);

    /// <summary>What is to be looked at.</summary>
    public static readonly Style Odd = new(Color.Yellow);

    /// <summary>What is wrong.</summary>
    public static readonly Style Bad = new(Color.Red, decoration: Decoration.Bold);

    /// <summary>A bar, a curve.</summary>
    public static readonly Style Picture = new(Color.Teal);

    private readonly List<(string Text, Style Style)> _parts = [];

    /// <summary>An empty line, or one of a single part.</summary>
    public Line(string text = "", Style? style = null) => Add(text, style);

    /// <summary>Without styles.</summary>
    public override string ToString() => string.Concat(_parts.Select(part => part.Text));

    /// <summary>One more part.</summary>
    public Line Add(string text, Style? style = null)
    {
        if (text.Length > 0)
        {
            _parts.Add((text, style ?? Style.Plain));
        }

        return this;
    }

    /// <summary>The same in so many columns at most.</summary>
    public Line Cut(int columns, bool unicode)
    {
        var left = columns;
        var cut = new Line();
        for (var i = 0; i < _parts.Count && left > 0; i++)
        {
            // The mark is needed where something is left out, not where it just fits.
            var (text, style) = _parts[i];
            var rest = _parts.Skip(i + 1).Any() ? " " : "";
            cut.Add(text.Length + rest.Length <= left ? text : Text.Cut(text + rest, left, unicode), style);
            left -= text.Length;
        }

        return cut;
    }

    /// <summary>The same without blanks at its end.</summary>
    public Line TrimEnd()
    {
        while (_parts.Count > 0)
        {
            var (text, style) = _parts[^1];
            _parts.RemoveAt(_parts.Count - 1);
            if (text.TrimEnd(' ') is { Length: > 0 } rest)
            {
                _parts.Add((rest, style));
                break;
            }
        }

        return this;
    }

    /// <summary>For the console, which decides about colours.</summary>
    public Paragraph ToParagraph()
    {
        var paragraph = new Paragraph();
        foreach (var (text, style) in _parts)
        {
            paragraph.Append(text, style);
        }

        return paragraph;
    }
}
