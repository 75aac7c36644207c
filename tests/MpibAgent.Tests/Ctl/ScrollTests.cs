using MpibCtl;

namespace MpibAgent.Tests.Ctl;

public sealed class ScrollTests
{
    private readonly Scroll _scroll = new();

    [Fact]
    public void What_fits_is_shown_whole()
    {
        Assert.Equal(["0", "1", "2"], Cut(lines: 3, rows: 3));
        _scroll.Move(1);
        Assert.Equal(["0", "1", "2"], Cut(lines: 3, rows: 3));
    }

    [Fact]
    public void Each_key_counts_from_where_the_one_before_it_could_go()
    {
        Assert.Equal(["0", "1", "8 lines below, 0 above (arrows move)"], Cut(lines: 10, rows: 3));
        for (var i = 0; i < 60; i++)
        {
            _scroll.Move(1);
        }

        _scroll.Move(-1);
        Assert.Equal(["7", "8", "1 lines below, 7 above (arrows move)"], Cut(lines: 10, rows: 3));
        for (var i = 0; i < 60; i++)
        {
            _scroll.Move(-1);
        }

        _scroll.Move(1);
        Assert.Equal(["1", "2", "7 lines below, 1 above (arrows move)"], Cut(lines: 10, rows: 3));
    }

    [Fact]
    public void A_list_that_became_shorter_is_shown_to_its_end()
    {
        Cut(lines: 10, rows: 3);
        _scroll.Move(8);
        Assert.Equal(["8", "9", "0 lines below, 8 above (arrows move)"], Cut(lines: 10, rows: 3));
        Assert.Equal(["2", "3", "0 lines below, 2 above (arrows move)"], Cut(lines: 4, rows: 3));
    }

    private IEnumerable<string> Cut(int lines, int rows) =>
        _scroll.Cut([.. Enumerable.Range(0, lines).Select(number => new Line($"{number}"))], rows).Select(line => line.ToString());
}
