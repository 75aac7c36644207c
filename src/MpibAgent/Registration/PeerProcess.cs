using MpibAgent.Slots;

namespace MpibAgent.Registration;

/// <summary>A process that has registered connections, and the pidfd that tells of its end.</summary>
/// <param name="Identity">Its pid is nobody else's for as long as the pidfd is not readable.</param>
/// <param name="Pidfd">Closed by <see cref="ProcessWatch"/>.</param>
/// <param name="KnownSince">The number of the socket by which it became known, in the order of accept; 0 when from an earlier agent.</param>
internal sealed record PeerProcess(ProcessIdentity Identity, int Pidfd, long KnownSince)
{
    /// <summary>Sockets of this pid accepted since <see cref="KnownSince"/> and up to this number are its own: it was seen alive after them.</summary>
    public long ProvenUpTo { get; set; } = KnownSince;
}
