using System.Globalization;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>What a process holds.</summary>
/// <param name="Descriptors">Open descriptors.</param>
/// <param name="ResidentKiB">Resident memory.</param>
internal readonly record struct Footprint(int Descriptors, int ResidentKiB)
{
    public static Footprint Of(int pid) => new(Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length, KiB(pid, "VmRSS:"));

    // Its listener, and the one by which it notifies systemd.
    private const int SocketsOfItsOwn = 2;

    /// <summary>What it holds once it has seen the last of its peers close.</summary>
    public static async Task<Footprint> SettledAsync(int pid)
    {
        await Wait.UntilAsync(() => Task.FromResult(Sockets(pid)), seen => seen == SocketsOfItsOwn);
        return Of(pid);
    }

    /// <summary>Bytes that count against a limit of prlimit(1), data or as.</summary>
    public static long Bytes(int pid, string limit) => KiB(pid, limit == "data" ? "VmData:" : "VmSize:") * 1024L;

    private static int Sockets(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Count(IsSocket);

    private static bool IsSocket(string descriptor)
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name.StartsWith("socket:", StringComparison.Ordinal) == true;
        }
        catch (IOException)
        {
            // Closed since the directory was read.
            return false;
        }
    }

    private static int KiB(int pid, string field)
    {
        var line = File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith(field, StringComparison.Ordinal));
        return int.Parse(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
