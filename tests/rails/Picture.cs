using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace MpibAgent.RealRails;

/// <summary>A case as a picture: above, what every policy got through, with the optimum; below, the share that it gave to SUP.</summary>
internal static class Picture
{
    private const double Step = 0.1;
    private const int Width = 900;
    private const int Height = 480;

    // A legend clips its text at the width that it measured.
    private const string Room = "\u00a0\u00a0\u00a0\u00a0\u00a0";
    private const string Rates = "rates";
    private const string Shares = "shares";

    private static readonly OxyColor[] Colours = [OxyColors.Gray, OxyColors.DarkOrange, OxyColors.RoyalBlue, OxyColors.SeaGreen];

    /// <summary>Writes one file per case, from the last round.</summary>
    public static void WriteAll(string directory, IReadOnlyList<Result> results)
    {
        Directory.CreateDirectory(directory);
        foreach (var group in results.GroupBy(result => result.Case.Name))
        {
            using var file = File.Create(Path.Combine(directory, $"rails-{group.Key}.svg"));
            var last = group.GroupBy(result => result.Steering.Name).Select(rounds => rounds.Last()).ToArray();
            new SvgExporter { Width = Width, Height = Height, UseVerticalTextAlignmentWorkaround = true }.Export(Plot(last), file);
        }
    }

    private static PlotModel Plot(Result[] results)
    {
        var plot = new PlotModel
        {
            Title = $"{results[0].Case.Name}: {results[0].Case.What}",
            TitleFontSize = 14,
            TitleFontWeight = FontWeights.Normal,
            Background = OxyColors.White,
            DefaultFont = "Helvetica, Arial, sans-serif",
            // Text is measured without the font that will draw it: room for a wider one.
            Padding = new OxyThickness(16, 16, 48, 8),
        };
        plot.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.RightTop, LegendLineSpacing = 6 });
        plot.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Title = "seconds", Minimum = 0, Maximum = results[0].Case.Seconds });
        plot.Axes.Add(Axis(Rates, "Mbit/s", 0.36, 1));
        var shares = Axis(Shares, "share of SUP", 0, 0.3);
        shares.Maximum = 1;
        shares.MajorStep = 0.25;
        plot.Axes.Add(shares);
        plot.Series.Add(Line(Rates, OxyColors.Black, "optimum", results[0].Recording.Optimum(Step), LineStyle.Dash));
        foreach (var result in results)
        {
            var colour = Colours[Array.IndexOf(Steering.All, result.Steering)];
            plot.Series.Add(Line(Rates, colour, result.Steering.Name, result.Recording.Goodput(Step)));
            plot.Series.Add(Line(Shares, colour, null, result.Recording.Share(Step)));
        }

        return plot;
    }

    private static LinearAxis Axis(string key, string title, double from, double to) => new()
    {
        Key = key,
        Title = title,
        Position = AxisPosition.Left,
        Minimum = 0,
        StartPosition = from,
        EndPosition = to,
        AxisTitleDistance = 24,
        MinorTickSize = 0,
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = OxyColors.Gainsboro,
    };

    private static LineSeries Line(string axis, OxyColor colour, string? title, IEnumerable<(double, double)> points, LineStyle style = LineStyle.Solid)
    {
        var line = new LineSeries { YAxisKey = axis, Color = colour, Title = title is null ? null : title + Room, LineStyle = style, StrokeThickness = 1.5, RenderInLegend = title is not null };
        line.Points.AddRange(points.Select(point => new DataPoint(Math.Round(point.Item1, 3), Math.Round(point.Item2, 4))));
        return line;
    }
}
