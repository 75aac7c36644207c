using Microsoft.AspNetCore.Connections;

namespace MpibExporter;

/// <summary>Ends the program when nobody has been connected for a while: systemd holds the socket, and starts it again for the next who is. Any thread.</summary>
/// <param name="limit">How long.</param>
/// <param name="time">The clock.</param>
/// <param name="stop">Ends the program.</param>
internal sealed class IdleExit(TimeSpan limit, TimeProvider time, Action stop) : IDisposable
{
    private readonly Lock _lock = new();
    private ITimer? _timer;
    private int _connections;

    /// <summary>The first while begins.</summary>
    public void Begin() => _timer = time.CreateTimer(_ => StopIfIdle(), null, limit, Timeout.InfiniteTimeSpan);

    /// <summary>Counts a connection while it is there.</summary>
    public ConnectionDelegate Watch(ConnectionDelegate serve) => async connection =>
    {
        lock (_lock)
        {
            _connections++;
        }

        try
        {
            await serve(connection);
        }
        finally
        {
            lock (_lock)
            {
                _connections--;
                _timer?.Change(limit, Timeout.InfiniteTimeSpan);
            }
        }
    };

    public void Dispose() => _timer?.Dispose();

    private void StopIfIdle()
    {
        lock (_lock)
        {
            if (_connections == 0)
            {
                stop();
            }
        }
    }
}
