using System.Globalization;
using System.Text;
using MpibAgent.Logging;

namespace MpibAgent.Rails;

/// <summary>
/// Finds the device of a rail under the root of sysfs, and what is said of it around there. For the moments when a rail is found or missed,
/// not for samples.
/// </summary>
internal static class SysfsTree
{
    private const int MostNames = 16;

    /// <summary>The device with its files open, RDMA devices first; null when it is not there.</summary>
    public static RailDevice? Find(string root, RailName name)
    {
        RailDevice? device = null;
        if (IsThere(RdmaDevice(root, name)))
        {
            device = IsThere($"{RdmaDevice(root, name)}/ports/{name.PortNumber}") ? new RdmaPort(root, name.Device, name.PortNumber) : null;
        }
        else if (name.Port is null && IsThere(Interface(root, name)))
        {
            device = new NetworkInterface(Interface(root, name));
        }

        device?.Open();
        if (device is null || device.Tx.ReadNumber() is not null || device.ReadIsUp() is not null)
        {
            return device;
        }

        // So are the last moments of a device that is being removed.
        device.Dispose();
        return null;
    }

    /// <summary>Why there is no such device.</summary>
    public static string WhyNotFound(string root, RailName name)
    {
        const string Unreadable = "neither its state nor its counter can be read";
        var ports = $"{RdmaDevice(root, name)}/ports";
        if (IsThere(RdmaDevice(root, name)))
        {
            return IsThere($"{ports}/{name.PortNumber}") ? Unreadable : $"it has no port {name.PortNumber}; found: {Listed(NamesIn(ports))}";
        }

        if (IsThere(Interface(root, name)))
        {
            return name.Port is null ? Unreadable : "it is a network interface, which has no ports";
        }

        return $"not found under {root}/class/infiniband or {root}/class/net; found: {Found(root)}";
    }

    /// <summary>The devices that could be rails.</summary>
    public static string Found(string root) => Listed(NamesIn($"{root}/class/infiniband").Concat(NamesIn($"{root}/class/net")));

    /// <summary>The names of the directories in a directory, sorted; none when it is not there. The loopback interface is no rail.</summary>
    public static List<string> NamesIn(string directory)
    {
        try
        {
            // All of them at once: what goes wrong on the way is caught here.
            return [.. Directory.EnumerateDirectories(directory).Select(path => Safe(Path.GetFileName(path))).Where(name => name != "lo")
                .Order(StringComparer.Ordinal)];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>"a bond of eth2 and eth3", when the interface is one.</summary>
    public static string? BondOf(string directory)
    {
        const string Lower = "lower_";
        if (!IsThere($"{directory}/bonding"))
        {
            return null;
        }

        var members = NamesIn(directory).Where(name => name.StartsWith(Lower, StringComparison.Ordinal)).Select(name => name[Lower.Length..]).ToList();
        return members.Count == 0 ? "a bond without members" : $"a bond of {string.Join(" and ", members)}";
    }

    /// <summary>The name of the device whose virtual function this is; its PCI address when it has none of this class.</summary>
    public static string? PhysicalFunctionOf(string directory, string className) =>
        IsThere($"{directory}/device/physfn")
            ? NamesIn($"{directory}/device/physfn/{className}").FirstOrDefault() ?? TargetOf($"{directory}/device/physfn") : null;

    /// <summary>The last part of where a link leads.</summary>
    public static string? TargetOf(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: false) is { } target ? Safe(target.Name) : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What a file says, made safe for the log.</summary>
    public static string TextOf(string path)
    {
        using var file = new SysfsFile(path);
        file.Open();
        return Printable.Escape(file.Read(stackalloc byte[SysfsFile.LongestText]));
    }

    /// <summary>The number by which the kernel knows the interface in <paramref name="directory"/>.</summary>
    public static int? InterfaceIndexOf(string directory) =>
        int.TryParse(TextOf($"{directory}/ifindex"), NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index > 0 ? index : null;

    /// <summary>Whether it is a directory, or leads to one.</summary>
    public static bool IsThere(string directory) => FileStatus.OfTarget(directory) is { Type: UnixFileType.Directory };

    private static string RdmaDevice(string root, RailName name) => $"{root}/class/infiniband/{name.Device}";

    private static string Interface(string root, RailName name) => $"{root}/class/net/{name.Device}";

    private static string Listed(IEnumerable<string> names)
    {
        var all = names.ToList();
        return all.Count == 0 ? "none" : string.Join(", ", all.Take(MostNames)) + (all.Count > MostNames ? ", ..." : "");
    }

    private static string Safe(string name) => Printable.Escape(Encoding.UTF8.GetBytes(name));
}
