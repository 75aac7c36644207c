using System.Runtime.CompilerServices;

namespace MpibAgent.Tests;

/// <summary>Files of the working tree that is tested.</summary>
internal static class Checkout
{
    public static string Path(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Root(), .. parts]);

    private static string Root([CallerFilePath] string thisFile = "") => System.IO.Path.GetFullPath(System.IO.Path.Combine(thisFile, "..", "..", ".."));
}
