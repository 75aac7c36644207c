using System.Globalization;

namespace MpibAgent.AcceptanceTests.Overload;

/// <summary>What a process holds.</summary>
/// <param name="Descriptors">Open descriptors.</param>
/// <param name="ResidentKiB">Resident memory.</param>
internal readonly record struct Footprint(int Descriptors, int ResidentKiB)
{
    public static Footprint Of(int pid)
    {
        var resident = File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return new Footprint(Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length,
            int.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
    }
}
