using System.Runtime.InteropServices;
using MpibAgent.Hints;

namespace MpibAgent.Control;

/// <summary>Where the FIFO goes. The default's directory belongs to root or the service; a user who tries the agent out has neither.</summary>
internal static partial class ControlPath
{
    /// <summary>
    /// The path of the settings; or, when that is the default and this user cannot write there, $XDG_RUNTIME_DIR/mpib/control; or, when that
    /// is not to be had either, beside the region. <paramref name="why"/> is null when the path is that of the settings.
    /// </summary>
    public static string Choose(ControlOptions options, HintOptions hints, out string? why)
    {
        why = null;
        var directory = Path.GetDirectoryName(ControlOptions.DefaultPath)!;
        if (options.Path != ControlOptions.DefaultPath || Ownership.CurrentUser == 0 || CanMake(directory))
        {
            return options.Path;
        }

        why = $"this user cannot write to {directory}";
        if (Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && IsOurs(runtime))
        {
            return Path.Combine(runtime, "mpib", "control");
        }

        why += ", and there is no XDG_RUNTIME_DIR";
        return Path.Combine(Path.GetDirectoryName(hints.Path)!, "control");
    }

    private static bool CanMake(string directory) =>
        FileStatus.Of(directory) is { } found ? IsOurs(found) : Access(Path.GetDirectoryName(directory)!, WriteAndSearch) == 0;

    private static bool IsOurs(string directory) => FileStatus.Of(directory) is { } found && IsOurs(found);

    private static bool IsOurs(FileStatus found) => found.Type == UnixFileType.Directory && Ownership.IsTrusted(found.Owner);

    private const int WriteAndSearch = 2 | 1;

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}
