using MpibAgent;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>The hint region, mapped read-only and read as the plugin reads it, but never for ever. Owns the mapping.</summary>
public sealed class LiveRegion : IDisposable
{
    // A writer is between two stores for some nanoseconds, unless it is preempted there.
    private const int Attempts = 50;

    private readonly HintReader _reader;

    private LiveRegion(HintReader reader) => _reader = reader;

    /// <summary>Maps the region; null, and why, when there is none that could be the agent's.</summary>
    public static LiveRegion? Open(string path, out string problem)
    {
        if (FileStatus.Of(path) is null)
        {
            // Jobs that run have it mapped, as the agent has, whatever became of its name.
            problem = $"{path}: there is no hint region, or this shell has a /tmp of its own; a restart of the agent mends it for new jobs, and cuts those off that run; run: systemctl restart mpib-agent";
            return null;
        }

        problem = TrustedFile.WhyNotTrusted(path, FileStatus.Of(path), isFifo: false) ?? "";
        if (problem.Length > 0)
        {
            return null;
        }

        try
        {
            return new LiveRegion(new HintReader(path));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            problem = fault is InvalidDataException ? fault.Message : $"{path}: {fault.Message}";
            return null;
        }
    }

    /// <summary>The entry of a slot; null when its seq stays odd: a writer died in it, and readers of that slot wait for the agent's next start.</summary>
    public HintEntry? Read(int slot) => _reader.TryRead(slot, Attempts, out var entry) ? entry : null;

    /// <summary>The sum of all slots' seq, as the agent's snapshot has it; null when a slot cannot be read.</summary>
    public uint? SumOfSeq()
    {
        var sum = 0u;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            if (Read(slot) is not { } entry)
            {
                return null;
            }

            sum += entry.Seq;
        }

        return sum;
    }

    /// <summary>Unmaps it.</summary>
    public void Dispose() => _reader.Dispose();
}
