using System.Text;

namespace MpibAgent.Tests.Ctl;

/// <summary>
/// As much of a terminal as mpibctl uses: moves to the top, clears to the end of the line and of the screen, colours (which are ignored), the second screen. What
/// else comes is a fault, and so is a character beyond the last column. Not thread-safe.
/// </summary>
internal sealed class VirtualScreen(int columns, int rows)
{
    private readonly StringBuilder _sent = new();
    private readonly StringBuilder _faults = new();
    private readonly StringBuilder _sequence = new();
    private readonly HashSet<string> _modes = [];
    private (int Columns, int Rows) _size = (columns, rows);
    private char[][] _cells = Blank(columns, rows);
    private int _row, _column;

    public string Sent => _sent.ToString();

    public string Faults => _faults.ToString();

    public bool IsPlain => _modes.Count == 0;

    public string[] Lines => [.. _cells.Select(row => new string(row).TrimEnd(' '))];

    public void Resize(int newColumns, int newRows)
    {
        _size = (newColumns, newRows);
        _cells = Blank(newColumns, newRows);
        (_row, _column) = (0, 0);
    }

    public void Write(ReadOnlySpan<char> text)
    {
        _sent.Append(text);
        foreach (var c in text)
        {
            if (_sequence.Length > 0)
            {
                _sequence.Append(c);
                if (IsComplete(_sequence))
                {
                    Obey(_sequence.ToString());
                    _sequence.Clear();
                }
            }
            else if (c == '\e')
            {
                _sequence.Append(c);
            }
            else if (c == '\r')
            {
                _column = 0;
            }
            else if (c == '\n')
            {
                NextRow();
            }
            else if (c < ' ')
            {
                _faults.Append($"control character {(int)c}; ");
            }
            else
            {
                Put(c);
            }
        }
    }

    private static char[][] Blank(int columns, int rows) => [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Repeat(' ', columns).ToArray())];

    private static bool IsComplete(StringBuilder sequence) => sequence.Length > 1 && sequence[1] switch
    {
        '[' => sequence.Length > 2 && sequence[^1] is >= '@' and <= '~',
        ']' => sequence[^1] == '\a',
        _ => true,
    };

    private void Obey(string sequence)
    {
        switch (sequence)
        {
            case "\e[H":
                (_row, _column) = (0, 0);
                break;
            case "\e[K":
                Array.Fill(_cells[_row], ' ', Math.Min(_column, _size.Columns), _size.Columns - Math.Min(_column, _size.Columns));
                break;
            case "\e[J":
                Obey("\e[K");
                foreach (var row in _cells.Skip(_row + 1))
                {
                    Array.Fill(row, ' ');
                }

                break;
            case "\e[?1049h" or "\e[?25l" or "\e[?7l" or "\e[?1h" or "\e=":
                _modes.Add(Name(sequence));
                if (sequence == "\e[?1049h")
                {
                    Resize(_size.Columns, _size.Rows);
                }

                break;
            case "\e[?1049l" or "\e[?25h" or "\e[?7h" or "\e[?1l" or "\e>":
                _modes.Remove(Name(sequence));
                break;
            case "\e]end\a":
                break;
            default:
                if (!sequence.EndsWith('m') || !sequence.StartsWith("\e[", StringComparison.Ordinal))
                {
                    _faults.Append($"sequence {sequence[1..]}; ");
                }

                break;
        }
    }

    private static string Name(string sequence) => sequence is "\e=" or "\e>" ? "keypad" : sequence[..^1];

    private void Put(char c)
    {
        if (_column >= _size.Columns)
        {
            _faults.Append($"'{c}' in column {_column} of {_size.Columns}; ");
            return;
        }

        _cells[_row][_column++] = c;
    }

    private void NextRow()
    {
        if (++_row < _size.Rows)
        {
            return;
        }

        _row--;
        Array.Copy(_cells, 1, _cells, 0, _cells.Length - 1);
        _cells[^1] = Blank(_size.Columns, 1)[0];
    }
}
