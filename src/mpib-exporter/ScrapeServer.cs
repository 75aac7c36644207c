using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MpibAgent;

namespace MpibExporter;

/// <summary>The HTTP server around <see cref="MetricsEndpoint"/>: where it listens, what it bears, when it ends.</summary>
internal static class ScrapeServer
{
    /// <summary>How long a client is waited for: in the middle of a request, and at a stop.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Serves until SIGTERM or SIGINT or, with systemd's sockets, until nobody has asked for a while.</summary>
    /// <param name="inherited">Systemd's sockets.</param>
    /// <param name="address">Where to listen when there are none.</param>
    /// <param name="file">The agent's metrics.</param>
    /// <param name="idle">How long a while is; zero: for ever.</param>
    /// <param name="say">Writes a line to the log.</param>
    /// <exception cref="IOException">Somebody else listens there, or it cannot be listened at.</exception>
    /// <exception cref="SocketException">The same.</exception>
    public static void Run(IReadOnlyList<int> inherited, EndPoint address, string file, TimeSpan idle, Action<string> say)
    {
        // The empty builder: others read appsettings.json of the working directory, and take addresses to listen at from the environment.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Patience);
        WebApplication? app = null;
        using var idleExit = new IdleExit(idle, TimeProvider.System, () => app!.Lifetime.StopApplication());
        var endsIdle = inherited.Count > 0 && idle > TimeSpan.Zero;
        builder.WebHost.UseKestrelCore().UseSockets(sockets => sockets.CreateBoundListenSocket = Bind).ConfigureKestrel(kestrel =>
        {
            Bound(kestrel);
            kestrel.ConfigureEndpointDefaults(endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http1;
                if (endsIdle)
                {
                    endpoint.Use(idleExit.Watch);
                }
            });
            foreach (var descriptor in inherited)
            {
                kestrel.ListenHandle((ulong)descriptor);
            }

            if (inherited.Count == 0)
            {
                RemoveStale(address);
                kestrel.Listen(address);
            }
        });
        app = builder.Build();
        app.Run(new MetricsEndpoint(file, say).AnswerAsync);
        app.Start();
        say($"serving {file} at {string.Join(", ", app.Urls.Select(url => url + MetricsEndpoint.Resource))}");
        if (endsIdle)
        {
            idleExit.Begin();
        }

        app.WaitForShutdown();
    }

    /// <summary>The name of a socket outlives one that was killed; who still listens there does not refuse.</summary>
    private static void RemoveStale(EndPoint address)
    {
        if (address is not UnixDomainSocketEndPoint || address.ToString() is not { } path || FileStatus.Of(path) is not { Type: UnixFileType.Socket })
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(address);
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
    }

    /// <summary>
    /// As Kestrel does it by itself, but without descriptors (SCM_RIGHTS): who reads what comes with one closes it, and waits for that as long as its sender likes
    /// (a TCP connection with SO_LINGER). Before Linux 6.16 they cannot be refused.
    /// </summary>
    private static Socket Bind(EndPoint address)
    {
        const int SocketLevel = 1, PassRights = 83;
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(address);
        try
        {
            if (socket.AddressFamily == AddressFamily.Unix)
            {
                socket.SetRawSocketOption(SocketLevel, PassRights, stackalloc byte[sizeof(int)]);
            }
        }
        catch (SocketException)
        {
            // An older kernel.
        }

        return socket;
    }

    /// <summary>A scrape is a line and a few headers, and is over at once: who takes longer, or more room, is somebody else.</summary>
    private static void Bound(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxConcurrentConnections = 32;
        limits.KeepAliveTimeout = limits.RequestHeadersTimeout = Patience;
        limits.MaxRequestLineSize = 1024;
        limits.MaxRequestHeadersTotalSize = 8192;
        limits.MaxRequestBufferSize = 16384;
        limits.MaxRequestBodySize = 0;
        limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 4096, gracePeriod: Patience);
    }
}
