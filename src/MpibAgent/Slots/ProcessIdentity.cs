namespace MpibAgent.Slots;

/// <summary>A process that holds connections, told apart from any later one that is given its pid.</summary>
/// <param name="Pid">As the agent sees it.</param>
/// <param name="Uid">Its user when it connected.</param>
/// <param name="PidfdInode">
/// st_ino of a pidfd of it: since Linux 6.9 no two processes of a boot share one. Before, all do, and a pid that was used again while the
/// agent was away goes unnoticed.
/// </param>
internal readonly record struct ProcessIdentity(int Pid, uint Uid, ulong PidfdInode);
