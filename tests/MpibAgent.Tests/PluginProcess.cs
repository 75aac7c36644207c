using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace MpibAgent.Tests;

/// <summary>
/// A process that plays the plugin: plugin.c, built from the shipped header, told what to do a line at a time. What it registers is its own, and
/// it dies with the test.
/// </summary>
internal sealed class PluginProcess : IDisposable
{
    private static readonly Lazy<string> Program = new(() => Compile("plugin.c"));
    private readonly Process _process;

    private PluginProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        _process = Process.Start(start)!;
    }

    public int Pid => _process.Id;

    public static PluginProcess Start(string socket, string hints) => new(new ProcessStartInfo(Built(), [socket, hints]));

    /// <summary>Starts it under another command, such as unshare(1).</summary>
    public static PluginProcess StartUnder(string[] command, string socket, string hints) =>
        new(new ProcessStartInfo(command[0], [.. command[1..], Built(), socket, hints]));

    /// <summary>Has it do one thing, and returns its answer.</summary>
    public string Do(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new EndOfStreamException($"the plugin ended at '{command}'");
    }

    /// <summary>SIGKILL, and the end of it.</summary>
    public void Kill()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    /// <summary>Has it leave of its own accord, without deregistering.</summary>
    public void Exit()
    {
        _process.StandardInput.WriteLine("exit");
        _process.StandardInput.Close();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private static string Built()
    {
        Prerequisites.RequireCommand("gcc", "gcc libc6-dev");
        return Program.Value;
    }

    /// <summary>Builds a C program, which lies beside plugin.c or at an absolute path, and returns the path of what came out.</summary>
    internal static string Compile(string source, params ReadOnlySpan<string> options)
    {
        var directory = Directory.CreateTempSubdirectory("mpib-c").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, recursive: true);
        var program = Path.Combine(directory, Path.GetFileNameWithoutExtension(source));
        using var gcc = Process.Start(new ProcessStartInfo("gcc",
            ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", Path.Combine(Tests(), "MpibAgent.AcceptanceTests", source), "-o", program, .. options])
        {
            RedirectStandardError = true,
        })!;
        var said = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, string.Create(CultureInfo.InvariantCulture, $"gcc {source} ended with {gcc.ExitCode}: {said}"));
        return program;
    }

    private static string Tests([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(Path.GetDirectoryName(thisFile))!;
}
