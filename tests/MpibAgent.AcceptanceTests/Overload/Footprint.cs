using System.Globalization;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>What a process holds.</summary>
/// <param name="Descriptors">Open descriptors.</param>
/// <param name="ResidentKiB">Resident memory.</param>
internal readonly record struct Footprint(int Descriptors, int ResidentKiB)
{
    public static Footprint Of(int pid) => new(Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length, KiB(pid, "VmRSS:"));

    /// <summary>Bytes that count against RLIMIT_DATA.</summary>
    public static long Data(int pid) => KiB(pid, "VmData:") * 1024L;

    private static int KiB(int pid, string field)
    {
        var line = File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith(field, StringComparison.Ordinal));
        return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
