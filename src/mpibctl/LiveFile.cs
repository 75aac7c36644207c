using System.Globalization;
using MpibAgent;

namespace MpibCtl;

/// <summary>Whether there is an agent.</summary>
public enum Liveness
{
    /// <summary>It holds its lock.</summary>
    Alive,

    /// <summary>It left its file: it has ended without a stop.</summary>
    Dead,

    /// <summary>There is no file: it was stopped, or has never run.</summary>
    Absent,

    /// <summary>There is a file that cannot be used.</summary>
    Unreadable,
}

/// <summary>
/// A file that the agent publishes, as found: its bytes, and whether the agent that wrote it lives. The agent holds a write lock on it for as long as it
/// does, which who can read the file can ask for, and nobody else can feign (doc/interface.md).
/// </summary>
public static class LiveFile
{
    private const int MostReplacements = 20;

    /// <summary>Reads the file at a path. It is the agent's, or it is not read.</summary>
    /// <param name="path">Where.</param>
    /// <param name="most">So many bytes at most; a longer file is unreadable.</param>
    /// <param name="bytes">What is in it; empty where it is absent or unreadable.</param>
    /// <param name="problem">Why it is unreadable and what to do; otherwise empty.</param>
    public static Liveness Read(string path, int most, out ReadOnlyMemory<byte> bytes, out string problem)
    {
        bytes = default;
        for (var i = 0; i < MostReplacements; i++)
        {
            using var handle = TrustedFile.Open(path, isFifo: false, out problem, out var isAbsent);
            if (handle is null)
            {
                problem = isAbsent ? "" : problem;
                return isAbsent ? Liveness.Absent : Liveness.Unreadable;
            }

            var buffer = new byte[Math.Min(RandomAccess.GetLength(handle), most + 1)];
            var length = 0;
            while (length < buffer.Length && RandomAccess.Read(handle, buffer.AsSpan(length), length) is var count and > 0)
            {
                length += count;
            }

            var isLocked = LivenessLock.IsTaken(handle);
            if (!isLocked && FileStatus.Of(path)?.Inode != FileStatus.Of((int)handle.DangerousGetHandle())?.Inode)
            {
                // Replaced, or removed, after it was opened.
                continue;
            }

            if (length > most)
            {
                problem = string.Create(CultureInfo.InvariantCulture, $"{path}: expected at most {most} bytes, found more");
                return Liveness.Unreadable;
            }

            bytes = buffer.AsMemory(0, length);
            return isLocked ? Liveness.Alive : Liveness.Dead;
        }

        problem = $"{path}: expected a file that stays for a moment, found another {MostReplacements} times";
        return Liveness.Unreadable;
    }
}
