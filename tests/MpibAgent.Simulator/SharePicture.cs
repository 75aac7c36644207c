using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace MpibAgent.Simulator;

/// <summary>Draws a run as an SVG: above, the share and what it should have been; below, each rail's rate and what it could have been.</summary>
internal static class SharePicture
{
    private const int Points = 1500;
    private const double LowerPart = 0.45;

    /// <summary>Draws a run that kept its log.</summary>
    public static void Save(RunResult result, RunLog log, string directory)
    {
        var name = $"{result.Scenario.Name}-{result.Candidate.Policy}-{result.Candidate.Scale.Name()}.svg";
        using var file = File.Create(Path.Combine(directory, name));
        new SvgExporter { Width = 1200, Height = 700 }.Export(Draw(result, log), file);
    }

    private static PlotModel Draw(RunResult result, RunLog log)
    {
        var percent = FormattableString.Invariant($"{result.Metrics.PercentOfOptimum:F1} % of the optimum");
        var model = new PlotModel
        {
            Title = $"{result.Candidate.Policy} in {result.Scenario.Name}, {result.Candidate.Scale.Name()}, seed {result.Seed}: {percent}",
            TitleFontSize = 14,
            Background = OxyColors.White,
        };
        model.Legends.Add(new Legend
        {
            LegendPosition = LegendPosition.TopCenter,
            LegendOrientation = LegendOrientation.Horizontal,
            LegendPlacement = LegendPlacement.Outside,
            LegendColumnSpacing = 40,
        });
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Title = "s", MajorGridlineStyle = LineStyle.Dot });
        model.Axes.Add(new LinearAxis
        {
            Key = "share",
            Position = AxisPosition.Left,
            Title = "SUP share",
            AxisTitleDistance = 16,
            StartPosition = LowerPart + 0.03,
            EndPosition = 1,
            Minimum = -0.02,
            Maximum = 1.02,
            MajorGridlineStyle = LineStyle.Dot,
        });
        model.Axes.Add(new LinearAxis
        {
            Key = "rate",
            Position = AxisPosition.Left,
            Title = "Gb/s",
            AxisTitleDistance = 16,
            StartPosition = 0,
            EndPosition = LowerPart - 0.03,
            Minimum = 0,
            MajorGridlineStyle = LineStyle.Dot,
        });

        var entries = log.Entries.ToArray();
        var step = Math.Max(1, entries.Length / Points);
        Add(model, "share", "optimum", OxyColors.LightGreen, 3, entries, step, (_, to) => to.OptimumShare);
        Add(model, "share", "share", OxyColors.Black, 1, entries, step, (_, to) => to.Share);
        Add(model, "rate", "SOUT could", OxyColors.LightSkyBlue, 3, entries, step, (_, to) => to.SoutCapacity / TwoRails.Gbps);
        Add(model, "rate", "SUP could", OxyColors.NavajoWhite, 3, entries, step, (_, to) => to.SupCapacity / TwoRails.Gbps);
        Add(model, "rate", "SOUT", OxyColors.Blue, 1, entries, step, (from, to) => Rate(to.SoutBytes - from.SoutBytes, from, to));
        Add(model, "rate", "SUP", OxyColors.DarkOrange, 1, entries, step, (from, to) => Rate(to.SupBytes - from.SupBytes, from, to));
        return model;
    }

    private static void Add(
        PlotModel model,
        string axis,
        string title,
        OxyColor color,
        double thickness,
        RunLog.Entry[] entries,
        int step,
        Func<RunLog.Entry, RunLog.Entry, double> value)
    {
        var series = new LineSeries { Title = title, YAxisKey = axis, Color = color, StrokeThickness = thickness, Decimator = null };
        for (var i = step; i < entries.Length; i += step)
        {
            series.Points.Add(new DataPoint(entries[i].Time, value(entries[i - step], entries[i])));
        }

        model.Series.Add(series);
    }

    private static double Rate(double bytes, RunLog.Entry from, RunLog.Entry to) => bytes / (to.Time - from.Time) / TwoRails.Gbps;
}
