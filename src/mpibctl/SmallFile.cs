using System.Globalization;

namespace MpibCtl;

/// <summary>Files of /proc and /sys: some bytes, or nothing for whatever reason.</summary>
public static class SmallFile
{
    /// <summary>At most so much of a file; null when it cannot be read.</summary>
    public static byte[]? Read(string path, int most = 4096)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            var bytes = new byte[most];
            var length = file.ReadAtLeast(bytes, most, throwOnEndOfStream: false);
            return bytes[..length];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Its first line; null when it cannot be read.</summary>
    public static string? Line(string path) =>
        Read(path) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes).Split('\n')[0].Trim() : null;

    /// <summary>A whole number; null when it says something else.</summary>
    public static ulong? Number(string path) =>
        ulong.TryParse(Line(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
