using System.Diagnostics;
using System.Globalization;

namespace MpibAgent.RealRails;

/// <summary>
/// Two network namespaces with two shaped rails (bed.sh), the receiver in one of them, and what it takes to start the rest. The bed goes when
/// the script that holds it loses its standard input, so also when this process is killed.
/// </summary>
internal sealed class Bed : IDisposable
{
    private const string ReceiverAddress = "2";

    private static readonly TimeSpan DownLimit = TimeSpan.FromSeconds(20);

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"mpibrails{Environment.ProcessId}");
    private readonly string _rails;
    private readonly Process _holder;
    private readonly List<Process> _processes = [];

    /// <summary>Makes the bed, for so long at most.</summary>
    public Bed(string directory, double seconds)
    {
        _rails = Path.Combine(directory, "rails");
        Programs.Run("gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", Sources.Program, "-o", _rails);
        _holder = Programs.Start(Sources.Bed, "hold", _name, Text(Case.SoutMbit), "300");
        try
        {
            Expect(_holder, "ready");
            _processes.Add(Programs.Start(["ip", "netns", "exec", $"{_name}-r", _rails, "receive", "--seconds", seconds.ToString(CultureInfo.InvariantCulture)]));
            Expect(_processes[0], "ready");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Starts a program on the sender's host: with that host's interfaces in /sys.</summary>
    public Process StartOnSender(params string[] words) => Programs.Start(["ip", "netns", "exec", $"{_name}-s", .. words]);

    public Process StartSender(params string[] options) => StartOnSender([_rails, "send", "--sout", $"10.77.0.1,10.77.0.{ReceiverAddress}",
        "--sup", $"10.78.0.1,10.78.0.{ReceiverAddress}", .. options]);

    public void Shape(Rail rail, int mbit) => Programs.Run(Sources.Bed, "shape", _name, Name(rail), Text(mbit));

    public void Cable(Rail rail, bool isIn) => Programs.Run(Sources.Bed, "rail", _name, Name(rail), isIn ? "up" : "down");

    public void StartCrossTraffic(Rail rail, int mbit, double seconds) => _processes.Add(StartOnSender(_rails, "cross",
        "--seconds", seconds.ToString(CultureInfo.InvariantCulture), "--mbit", Text(mbit),
        "--to", $"10.{(rail == Rail.Sout ? 77 : 78)}.0.{ReceiverAddress}"));

    /// <summary>Everything as it is when all is well.</summary>
    public void Reset(int soutMbit, int supMbit)
    {
        foreach (var (rail, mbit) in new[] { (Rail.Sout, soutMbit), (Rail.Sup, supMbit) })
        {
            Cable(rail, isIn: true);
            Shape(rail, mbit);
        }
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            Programs.Stop(process);
        }

        // Its end is the bed's.
        _holder.StandardInput.Close();
        if (!_holder.WaitForExit(DownLimit))
        {
            _holder.Kill(entireProcessTree: true);
            Programs.Run(Sources.Bed, "down", _name);
        }

        _holder.Dispose();
    }

    private static void Expect(Process process, string word)
    {
        var line = process.StandardOutput.ReadLine();
        if (line != word)
        {
            throw new InvalidOperationException($"expected '{word}' of {process.StartInfo.FileName} {string.Join(' ', process.StartInfo.ArgumentList)}, got "
                + (line is null ? "its end; the reason is above" : $"'{line}'"));
        }
    }

    private static string Name(Rail rail) => rail == Rail.Sout ? "sout" : "sup";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
