using System.Globalization;
using System.Text;

namespace MpibCtl;

/// <summary>What /proc says of a process at this moment, as far as the caller may see it.</summary>
public static class ProcessDetails
{
    /// <summary>The command name of a process of that user, safe to show; null when there is none, it is another's by now, or /proc hides it.</summary>
    public static string? CommandOf(int pid, uint user)
    {
        if (SmallFile.Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")) is not { } bytes)
        {
            return null;
        }

        byte[]? name = null;
        var isUsers = false;
        foreach (var line in bytes.AsSpan().Split((byte)'\n'))
        {
            var text = bytes.AsSpan(line);
            if (text.StartsWith("Name:\t"u8))
            {
                name = text[6..].ToArray();
            }
            else if (text.StartsWith("Uid:\t"u8))
            {
                isUsers = Encoding.ASCII.GetString(text[5..]).Split('\t').Contains(user.ToString(CultureInfo.InvariantCulture));
                break;
            }
        }

        return isUsers && name is not null ? MpibAgent.Logging.Printable.Escape(name, limit: 32) : null;
    }

    /// <summary>The environment of a process; null when the caller may not see it.</summary>
    public static Dictionary<string, string>? EnvironmentOf(int pid)
    {
        if (SmallFile.Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/environ"), most: 1 << 20) is not { } bytes)
        {
            return null;
        }

        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var range in bytes.AsSpan().Split((byte)0))
        {
            var text = Encoding.UTF8.GetString(bytes.AsSpan(range));
            if (text.IndexOf('=', StringComparison.Ordinal) is var equals and > 0)
            {
                variables.TryAdd(text[..equals], text[(equals + 1)..]);
            }
        }

        return variables;
    }
}
