using System.Runtime.CompilerServices;

namespace MpibAgent.RealRails;

/// <summary>Where the source of all this is: the C program and the script are run from there.</summary>
internal static class Sources
{
    public static string Bed => Path.Combine(Here(), "bed.sh");

    public static string Program => Path.Combine(Here(), "rails.c");

    public static string Repository => Path.GetFullPath(Path.Combine(Here(), "..", ".."));

    private static string Here([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
