namespace MpibCtl;

/// <summary>The rows of a list that is longer than its part of the screen, and how far the keys have moved it. Not for more than one thread at a time.</summary>
public sealed class Scroll
{
    private int _first;
    private int _last;

    /// <summary>So many rows down, or up if negative. Not beyond what was drawn last, so that each key counts, also one of many that came before the next drawing.</summary>
    public void Move(int rows) => _first = Math.Clamp(_first + rows, 0, _last);

    /// <summary>So many rows of the lines; when that is not all of them, the last says how many there are beyond.</summary>
    public IReadOnlyList<Line> Cut(IReadOnlyList<Line> lines, int rows)
    {
        _last = lines.Count <= rows ? 0 : lines.Count - rows + 1;
        _first = Math.Min(_first, _last);
        if (_last == 0)
        {
            return lines;
        }

        var shown = lines.Skip(_first).Take(rows - 1).ToList();
        shown.Add(new Line($"{lines.Count - _first - shown.Count} lines below, {_first} above (arrows move)", Line.Faint));
        return shown;
    }
}
