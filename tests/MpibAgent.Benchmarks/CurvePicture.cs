using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace MpibAgent.Benchmarks;

/// <summary>Draws one curve of <see cref="CurveBenchmark"/> as an SVG: above, requests per second; below, p50 and p99; agent and floor in each.</summary>
internal static class CurvePicture
{
    private const int Width = 900;
    private const int Height = 520;
    private const string Rate = "rate";
    private const string Latency = "latency";

    // A legend clips its text at the width that it measured.
    private const string Room = "\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0";

    public static void Save(string path, string axis, IReadOnlyList<CurveBenchmark.Point> points)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = File.Create(path);
        new SvgExporter { Width = Width, Height = Height, UseVerticalTextAlignmentWorkaround = true }.Export(Plot(axis, points), file);
    }

    private static PlotModel Plot(string axis, IReadOnlyList<CurveBenchmark.Point> points)
    {
        var plot = new PlotModel
        {
            Background = OxyColors.White,
            DefaultFont = "Helvetica, Arial, sans-serif",
            // Text is measured without the font that will draw it: room for a wider one.
            Padding = new OxyThickness(16, 16, 48, 8),
        };
        plot.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.RightTop, LegendLineSpacing = 6 });
        plot.Axes.Add(new LogarithmicAxis { Position = AxisPosition.Bottom, Title = axis, AxisTitleDistance = 8, MajorGridlineStyle = LineStyle.Dot });
        plot.Axes.Add(new LinearAxis
        {
            Key = Rate,
            Position = AxisPosition.Left,
            Title = "requests per second",
            AxisTitleDistance = 28,
            Minimum = 0,
            StartPosition = 0.52,
            EndPosition = 1,
            MajorGridlineStyle = LineStyle.Dot,
            StringFormat = "#,0",
        });
        plot.Axes.Add(new LogarithmicAxis
        {
            Key = Latency,
            Position = AxisPosition.Left,
            Title = "µs",
            AxisTitleDistance = 28,
            StartPosition = 0,
            EndPosition = 0.48,
            MajorGridlineStyle = LineStyle.Dot,
            StringFormat = "#,0",
        });
        foreach (var (server, isAgent, colour) in new[] { ("floor", false, OxyColors.Gray), ("agent", true, OxyColors.RoyalBlue) })
        {
            var own = points.Where(point => point.IsAgent == isAgent).GroupBy(point => point.X).OrderBy(group => group.Key).ToArray();
            plot.Series.Add(Line(Rate, server + Room, colour, LineStyle.Solid, own, point => point.PerSecond));
            plot.Series.Add(Line(Latency, $"{server}, p50{Room}", colour, LineStyle.Solid, own, point => point.P50));
            plot.Series.Add(Line(Latency, $"{server}, p99{Room}", colour, LineStyle.Dash, own, point => point.P99));
        }

        return plot;
    }

    private static LineSeries Line(string axis, string title, OxyColor colour, LineStyle style, IGrouping<int, CurveBenchmark.Point>[] points,
        Func<CurveBenchmark.Point, double> figure)
    {
        var line = new LineSeries { YAxisKey = axis, Title = title, Color = colour, LineStyle = style, MarkerType = MarkerType.Circle, MarkerSize = 3, MarkerFill = colour };
        line.Points.AddRange(points.Select(group => new DataPoint(group.Key, Report.Median(group.Select(figure)))));
        return line;
    }
}
