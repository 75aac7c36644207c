using MpibAgent.Interface;

namespace MpibAgent.Hints;

/// <summary>Settings of the hint region, section [Hints].</summary>
internal sealed class HintOptions
{
    /// <summary>Absolute path of the region. The plugin looks at the default.</summary>
    public string Path { get; set; } = HintLayout.DefaultPath;

    /// <summary>File mode, octal. The plugin opens the region read-only as any user; nobody but the owner may write.</summary>
    public string Mode { get; set; } = "0644";

    /// <summary>The hint of a slot until somebody sets another: 0 to the encoding's highest.</summary>
    public uint Initial { get; set; } = 1;

    /// <summary>Which revision of the plugin reads the hints.</summary>
    public HintEncoding Encoding { get; set; } = HintEncoding.Multiplier;
}
