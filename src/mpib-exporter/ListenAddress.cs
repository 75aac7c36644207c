using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MpibExporter;

/// <summary>Where it listens: at loopback, or at a Unix socket, and nowhere else.</summary>
internal static class ListenAddress
{
    /// <summary>Where neither systemd nor the command line says otherwise. Prometheus' list of ports, 9100 to 9999, is full; this one is in no list.</summary>
    public const string Default = "127.0.0.1:19471";

    private const string UnixPrefix = "unix:";
    private const int FirstDescriptor = 3;

    // sun_path of unix(7) holds 108 bytes, the last of them zero.
    private const int LongestSocketPath = 107;

    /// <summary>Reads 127.0.0.1:PORT, [::1]:PORT or unix:PATH; null, and what is wrong, for all else. Port 0 is any that is free.</summary>
    public static EndPoint? Parse(string text, out string problem)
    {
        problem = "";
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            var path = text[UnixPrefix.Length..];
            if (Path.IsPathRooted(path) && Encoding.UTF8.GetByteCount(path) <= LongestSocketPath)
            {
                return new UnixDomainSocketEndPoint(path);
            }

            problem = $"expected unix: and an absolute path of at most {LongestSocketPath} bytes";
        }
        else if (!IPEndPoint.TryParse(text, out var address) || address.ToString() != text)
        {
            problem = $"expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH";
        }
        else if (!IPAddress.IsLoopback(address.Address))
        {
            problem = "expected a loopback address, since whoever reaches it may read (for other hosts, put a proxy before it)";
        }
        else
        {
            return address;
        }

        return null;
    }

    /// <summary>The descriptors that systemd's socket unit passes (sd_listen_fds(3)); none without one.</summary>
    /// <exception cref="InvalidDataException">One is not a stream socket at loopback or of the Unix family.</exception>
    public static IReadOnlyList<int> Inherited()
    {
        if (Environment.GetEnvironmentVariable("LISTEN_PID") != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            || !int.TryParse(Environment.GetEnvironmentVariable("LISTEN_FDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            return [];
        }

        var descriptors = Enumerable.Range(FirstDescriptor, count).ToList();
        descriptors.ForEach(Check);
        return descriptors;
    }

    private static void Check(int descriptor)
    {
        string found;
        try
        {
            using var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: false));
            var isNear = socket.LocalEndPoint is UnixDomainSocketEndPoint || (socket.LocalEndPoint is IPEndPoint address && IPAddress.IsLoopback(address.Address));
            if (isNear && socket.SocketType == SocketType.Stream)
            {
                return;
            }

            found = $"{socket.LocalEndPoint} ({socket.SocketType})";
        }
        catch (SocketException fault)
        {
            found = fault.Message;
        }

        throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
            $"descriptor {descriptor}: expected a stream socket at a loopback address or a path, got {found}; mend ListenStream= (systemctl edit mpib-exporter.socket)"));
    }
}
