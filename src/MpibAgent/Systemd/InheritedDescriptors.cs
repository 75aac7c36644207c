using System.Globalization;
using System.Runtime.InteropServices;

namespace MpibAgent.Systemd;

/// <summary>
/// The descriptors that systemd's socket units pass (sd_listen_fds(3)), by the name that the unit gives: their order changes between starts. Each
/// is taken once, by the component that owns it from then on. Without socket units there are none.
/// </summary>
internal sealed partial class InheritedDescriptors
{
    private const int FirstDescriptor = 3;

    private readonly Dictionary<string, int> _byName = [];

    /// <summary>Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, and takes them out of the environment.</summary>
    /// <exception cref="Fault">They contradict each other.</exception>
    public InheritedDescriptors()
    {
        var pid = Take("LISTEN_PID");
        var count = Take("LISTEN_FDS");
        var names = Take("LISTEN_FDNAMES");
        if (pid != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
        {
            // Not for us: another process's environment, handed down.
            return;
        }

        var list = names?.Split(':') ?? [];
        if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var descriptors) || descriptors != list.Length)
        {
            throw new Fault($"expected a name for each of LISTEN_FDS={count} descriptors, got LISTEN_FDNAMES={names}; "
                + "set FileDescriptorName= in the socket units");
        }

        for (var i = 0; i < list.Length; i++)
        {
            if (list[i] is not ("registration" or "control") || !_byName.TryAdd(list[i], FirstDescriptor + i))
            {
                throw new Fault($"expected one descriptor named registration and one named control, got LISTEN_FDNAMES={names}; "
                    + "set FileDescriptorName= in the socket units");
            }
        }
    }

    /// <summary>Hands over the descriptor of this name, non-blocking and closed on exec; false when systemd passed none.</summary>
    /// <exception cref="Fault">It is not of the type expected.</exception>
    public bool TryTake(string name, UnixFileType expected, out int descriptor)
    {
        if (!_byName.Remove(name, out descriptor))
        {
            descriptor = -1;
            return false;
        }

        if (Ownership.Status(descriptor).Type != expected)
        {
            var setting = expected == UnixFileType.Fifo ? "ListenFIFO=" : "ListenStream=";
            throw new Fault($"descriptor {descriptor} ({name}) is not what it should be; set {setting} in its socket unit");
        }

        _ = Control(descriptor, SetDescriptorFlags, CloseOnExec);
        _ = Control(descriptor, SetStatusFlags, Control(descriptor, GetStatusFlags, 0) | NonBlocking);
        return true;
    }

    private static string? Take(string variable)
    {
        var value = Environment.GetEnvironmentVariable(variable);
        Environment.SetEnvironmentVariable(variable, null);
        return value;
    }

    private const int SetDescriptorFlags = 2;
    private const int GetStatusFlags = 3;
    private const int SetStatusFlags = 4;
    private const int CloseOnExec = 1;
    private const int NonBlocking = 0x800;

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, nint argument);
}
