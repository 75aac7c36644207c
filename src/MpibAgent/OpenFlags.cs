using System.Runtime.InteropServices;

namespace MpibAgent;

/// <summary>Flags of open(2) for x86-64 and arm64.</summary>
internal static class OpenFlags
{
    public const int ReadOnly = 0;
    public const int WriteOnly = 0x1;
    public const int ReadWrite = 0x2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;

    /// <summary>No symbolic link at the end of the path: one of the few whose value depends on the architecture.</summary>
    public static readonly int NoFollowLink = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;
}
