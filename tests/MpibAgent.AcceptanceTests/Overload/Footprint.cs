using System.Globalization;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>What a process holds.</summary>
/// <param name="Descriptors">Open descriptors, but for those of its status file: while that is replaced there is one more.</param>
/// <param name="ResidentKiB">Resident memory.</param>
internal readonly record struct Footprint(int Descriptors, int ResidentKiB)
{
    public static Footprint Of(int pid) => new(Targets(pid).Count(target => !target.StartsWith("status.json", StringComparison.Ordinal)), KiB(pid, "VmRSS:"));

    // Its listener, and the one by which it notifies systemd.
    private const int SocketsOfItsOwn = 2;

    /// <summary>What it holds once it has seen the last of its peers close.</summary>
    public static async Task<Footprint> SettledAsync(int pid)
    {
        await Wait.UntilAsync(() => Task.FromResult(Sockets(pid)), seen => seen == SocketsOfItsOwn);
        return Of(pid);
    }

    /// <summary>Waits until it holds no more descriptors than before: the runtime has one open for a moment now and then, of /proc/meminfo when it collects.</summary>
    public static Task NoDescriptorsMoreAsync(int pid, Footprint before) =>
        Wait.UntilAsync(() => Task.FromResult((Of(pid).Descriptors, string.Join(' ', Targets(pid)))), seen => seen.Descriptors <= before.Descriptors);

    /// <summary>Bytes that count against a limit of prlimit(1), data or as.</summary>
    public static long Bytes(int pid, string limit) => KiB(pid, limit == "data" ? "VmData:" : "VmSize:") * 1024L;

    private static int Sockets(int pid) => Targets(pid).Count(target => target.StartsWith("socket:", StringComparison.Ordinal));

    /// <summary>What its descriptors are of, by name.</summary>
    private static IEnumerable<string> Targets(int pid)
    {
        foreach (var descriptor in Directory.GetFileSystemEntries($"/proc/{pid}/fd"))
        {
            string? target = null;
            try
            {
                target = File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name;
            }
            catch (IOException)
            {
                // Closed since the directory was read.
            }

            if (target is not null)
            {
                yield return target;
            }
        }
    }

    private static int KiB(int pid, string field)
    {
        var line = File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith(field, StringComparison.Ordinal));
        return int.Parse(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
