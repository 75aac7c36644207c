namespace MpibAgent.Rails;

/// <summary>Settings of the two rails, section [Rails].</summary>
internal sealed class RailOptions
{
    /// <summary>The plugin's own variable for the SOUT rail, the default of <see cref="Sout"/>.</summary>
    public const string PluginSout = "MPIB_HCA_SOUT";

    /// <summary>The plugin's own variable for the SUP rail, the default of <see cref="Sup"/>.</summary>
    public const string PluginSup = "MPIB_HCA_SUP";

    /// <summary>The scale-out rail: an RDMA device, with :port, or a network interface. Empty: not configured.</summary>
    public string Sout { get; set; } = "";

    /// <summary>The scale-up rail, likewise.</summary>
    public string Sup { get; set; } = "";

    /// <summary>SOUT's rate in Gb/s, whatever the device says; 0: as it says.</summary>
    public double SoutGbps { get; set; }

    /// <summary>SUP's rate in Gb/s, whatever the device says; 0: as it says.</summary>
    public double SupGbps { get; set; }

    /// <summary>Where sysfs is mounted.</summary>
    public string SysRoot { get; set; } = "/sys";
}
