using System.Globalization;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>
/// A command on its way through the control FIFO, and the look whether it has arrived: the FIFO itself gives no answer. Owns the mapping of the region.
/// </summary>
public sealed class ControlPipe : IDisposable
{
    /// <summary>The agent acts within a millisecond; this is for a machine that is out of breath.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private const int WouldBlock = 11;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    private ControlPipe(StatusSnapshot snapshot, HintEncoding encoding, LiveRegion region) => (Snapshot, Encoding, Region) = (snapshot, encoding, region);

    /// <summary>The agent as it was found.</summary>
    public StatusSnapshot Snapshot { get; }

    /// <summary>What hints mean to the plugin in use.</summary>
    public HintEncoding Encoding { get; }

    /// <summary>Where a command shows.</summary>
    public LiveRegion Region { get; }

    /// <summary>Finds a live agent and its region; null when there is none, which has been told, and the exit code.</summary>
    public static ControlPipe? Open(string? path, out int exitCode)
    {
        var view = AgentView.Find(path);
        exitCode = view.Lives ? ExitCode.Bad : ExitCode.NotRunning;
        if (view is not { State: Liveness.Alive, Snapshot: { } snapshot })
        {
            Terminal.Complain(view.Problem);
            return null;
        }

        exitCode = ExitCode.Bad;
        _ = HintText.TryParseEncoding(snapshot.Hints.Encoding, out var encoding);
        if (LiveRegion.Open(snapshot.Paths.Region, out var problem) is { } region)
        {
            return new ControlPipe(snapshot, encoding, region);
        }

        Terminal.Complain(problem);
        return null;
    }

    /// <summary>The slot of a target; null when its flow has none, or the region cannot be read, which has been told.</summary>
    public int? SlotOf(Target target)
    {
        if (target.Slot is { } given)
        {
            return given;
        }

        // A flow of 0.0.0.0 is not to be told from a free slot in the region.
        var listed = Snapshot.Slots.FirstOrDefault(slot => slot.Source == target.Source.ToString() && slot.Destination == target.Destination.ToString());
        int? shared = null;
        for (var slot = 0; slot < HintLayout.SlotCount; slot++)
        {
            if (Region.Read(slot) is { } entry && entry.Source == target.Source && entry.Destination == target.Destination
                && (entry is not { Source.IsAny: true, Destination.IsAny: true } || listed?.Slot == slot))
            {
                return slot;
            }

            shared = Region.Read(slot)?.IsShared == true ? slot : shared;
        }

        Terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"no slot has the flow {target.Source} > {target.Destination}; ") + (shared is { } common
            ? string.Create(CultureInfo.InvariantCulture, $"it may be one of those that share slot {common} and its one hint: to change it for all of them, say {common} in place of the flow")
            : "see: mpibctl status"));
        return null;
    }

    /// <summary>Writes one line, at once or not at all; false when it could not be written, which has been told.</summary>
    public bool Send(string line)
    {
        using var fifo = TrustedFile.Open(Snapshot.Paths.Control, isFifo: true, out var problem, out _);
        if (fifo is null)
        {
            Terminal.Complain(problem);
            return false;
        }

        try
        {
            // Up to 4096 bytes go out whole (PIPE_BUF).
            using var stream = new FileStream(fifo, FileAccess.Write, bufferSize: 0);
            stream.Write(System.Text.Encoding.ASCII.GetBytes(line + "\n"));
            return true;
        }
        catch (IOException fault)
        {
            // Of a descriptor that does not wait .NET has another idea.
            var reason = fault.HResult == WouldBlock ? "it is full of commands that nobody has read" : fault.Message;
            Terminal.Complain($"{Snapshot.Paths.Control}: {reason}; the agent reads too slowly, or has just ended; see: mpibctl check");
            return false;
        }
    }

    /// <summary>Looks until it is so: every 2 ms for as long as <see cref="Patience"/>, or as told.</summary>
    public static bool Await(Func<bool> isSo, TimeSpan? patience = null, TimeSpan? interval = null)
    {
        using var pause = new ManualResetEventSlim();
        for (var began = TimeProvider.System.GetTimestamp(); !isSo(); pause.Wait(interval ?? Pause))
        {
            if (TimeProvider.System.GetElapsedTime(began) > (patience ?? Patience))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Unmaps the region.</summary>
    public void Dispose() => Region.Dispose();
}
