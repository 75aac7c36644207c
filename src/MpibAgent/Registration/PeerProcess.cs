namespace MpibAgent.Registration;

/// <summary>A process that has registered connections, and the pidfd that tells of its end.</summary>
/// <param name="Pid">Its pid as the agent sees it; nobody else's for as long as the pidfd is not readable.</param>
/// <param name="Uid">Its user when it connected.</param>
/// <param name="Pidfd">Closed by <see cref="ProcessWatch"/>.</param>
/// <param name="KnownSince">The number of the socket by which it became known, in the order of accept.</param>
internal sealed record PeerProcess(int Pid, uint Uid, int Pidfd, long KnownSince);
