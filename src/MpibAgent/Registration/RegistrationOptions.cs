using MpibAgent.Interface;

namespace MpibAgent.Registration;

/// <summary>Settings of the registration socket, section [Registration].</summary>
internal sealed class RegistrationOptions
{
    /// <summary>All users of the host may connect.</summary>
    public const string DefaultMode = "0666";

    /// <summary>Absolute path of the socket, at most 107 bytes (unix(7)). The plugin connects to the default.</summary>
    public string Path { get; set; } = Protocol.DefaultPath;

    /// <summary>Mode of the socket, octal: who may connect. Not used for a socket that systemd made.</summary>
    public string Mode { get; set; } = DefaultMode;

    /// <summary>Seconds after its last complete request, or after connecting, until a peer's socket is closed; 1 to 86400.</summary>
    public int IdleTimeoutSec { get; set; } = 30;

    /// <summary>
    /// How many sockets of peers may be open at once, 1 to 1000000. One more closes the one that is idle longest of the user who has most. Registrations are not
    /// counted: they outlive their socket.
    /// </summary>
    public int MaxPeers { get; set; } = 1024;
}
