using System.Globalization;

namespace MpibAgent;

/// <summary>The pid namespace of this process: pids mean something only to who is in the same one. The agent tells it, its tools compare.</summary>
internal static class PidNamespace
{
    /// <summary>Its inode; 0 when it cannot be seen.</summary>
    public static ulong Read()
    {
        try
        {
            // pid:[4026531836]
            var target = File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name ?? "";
            return target.StartsWith("pid:[", StringComparison.Ordinal)
                && ulong.TryParse(target.AsSpan(5).TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var inode) ? inode : 0;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
