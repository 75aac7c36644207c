using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using MpibAgent.Interface;
using MpibAgent.Logging;
using MpibAgent.Slots;

namespace MpibAgent.Registration;

/// <summary>Turns a request of a known peer into a call on the <see cref="SlotTable"/>, and the outcome into the bytes of the response.</summary>
internal sealed class Registrar(SlotTable table, ProcessWatch processes, EventLoop loop, ILogger<Registrar> log)
{
    private const string NoMemory = "the agent gets no more memory from the system";

    // A gate for each kind: a flood of one does not hide the others.
    private readonly Complaints _badRequests = new(loop, log);
    private readonly Complaints _refusals = new(loop, log);
    private readonly Complaints _unknown = new(loop, log);
    private readonly Complaints _anyAddresses = new(loop, log);
    private readonly Complaints _shared = new(loop, log);

    private readonly long[] _refused = new long[Enum.GetValues<RefusalReason>().Length];

    /// <summary>Called after a request has been refused.</summary>
    public event Action? Refused;

    /// <summary>Requests refused for a reason.</summary>
    public long RefusalsFor(RefusalReason reason) => _refused[(int)reason];

    /// <summary>Carries out a whole request and writes the response; returns the response's bytes.</summary>
    public int Answer(PeerSocket peer, in Request request, Span<byte> response)
    {
        var status = TryCarryOut(peer, request, out var slot);
        if (request.Type == MessageType.Register)
        {
            MemoryMarshal.Write(response, new RegisterResponse(status, slot));
            return RegisterResponse.Size;
        }

        MemoryMarshal.Write(response, new DeregisterResponse(status));
        return DeregisterResponse.Size;
    }

    /// <summary>The response to what is no request; 0 bytes when none is owed.</summary>
    public int Refuse(PeerSocket peer, ReadOnlySpan<byte> bytes, Span<byte> response)
    {
        Count(RefusalReason.BadRequest);
        if (_badRequests.Admit())
        {
            Log.BadRequest(log, peer.Pid, peer.Uid, Explain(bytes));
        }

        if (bytes.Length < sizeof(uint) || MemoryMarshal.Read<uint>(bytes) != Protocol.Magic)
        {
            return 0;
        }

        if (Request.WantsDeregisterResponse(bytes))
        {
            MemoryMarshal.Write(response, new DeregisterResponse(ResponseStatus.InvalidRequest));
            return DeregisterResponse.Size;
        }

        MemoryMarshal.Write(response, new RegisterResponse(ResponseStatus.InvalidRequest, 0));
        return RegisterResponse.Size;
    }

    /// <summary>No response is owed to who sends descriptors along.</summary>
    public void RefuseDescriptors(PeerSocket peer)
    {
        Count(RefusalReason.BadRequest);
        if (_badRequests.Admit())
        {
            Log.BadRequest(log, peer.Pid, peer.Uid, "it sends descriptors along");
        }
    }

    private static string Explain(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Request.Explain(bytes);
        }
        catch (OutOfMemoryException)
        {
            return NoMemory;
        }
    }

    private ResponseStatus TryCarryOut(PeerSocket peer, in Request request, out int slot)
    {
        slot = -1;
        try
        {
            return request.Type == MessageType.Register ? Register(peer, request, out slot) : Deregister(peer, request.ConnId);
        }
        catch (OutOfMemoryException)
        {
            // No connection has come or gone: the table takes what it needs before it changes, and a line of the log that finds no memory is left out.
            slot = -1;
            if (processes.TryFind(peer, out var process))
            {
                ReleaseUnlessConnected(process!);
            }

            Complain(peer, request.ConnId, RefusalReason.Memory, NoMemory);
            return ResponseStatus.NoFreeSlots;
        }
    }

    private ResponseStatus Register(PeerSocket peer, in Request request, out int slot)
    {
        slot = -1;
        if (peer.Pid <= 0)
        {
            Complain(peer, request.ConnId, RefusalReason.PidNamespace, "the peer's pid namespace cannot be seen from here; run the agent in the host's");
            return ResponseStatus.InvalidRequest;
        }

        if (processes.FindOrAdd(peer, out var error) is not { } process)
        {
            if (error == ProcessWatch.NoSuchProcess)
            {
                Complain(peer, request.ConnId, RefusalReason.ProcessEnded, "the process that connected has ended");
                return ResponseStatus.InvalidRequest;
            }

            var isLimit = error == ProcessWatch.TooManyProcesses;
            Complain(peer, request.ConnId, isLimit ? RefusalReason.ProcessesPerUser : RefusalReason.Descriptors, isLimit
                ? "its user has ProcessesPerUser processes; see [Limits]"
                : $"the process cannot be watched: {Marshal.GetPInvokeErrorMessage(error)}; raise LimitNOFILE=");
            return ResponseStatus.NoFreeSlots;
        }

        var flow = new Flow(request.SoutSource, request.SoutDestination);
        var wasSharing = table.SharingFlows > 0;
        var outcome = table.Register(process.Identity, request.ConnId, flow, out slot);
        if (outcome is not (RegisterOutcome.Registered or RegisterOutcome.KnownAlready))
        {
            ReleaseUnlessConnected(process);
            var (reason, text) = outcome switch
            {
                RegisterOutcome.NoFreeSlot => (RefusalReason.Slots, $"all {HintLayout.SlotCount} slots have a flow; see Overflow in [Limits]"),
                RegisterOutcome.TooManySlots => (RefusalReason.SlotsPerUser, "its user's flows have SlotsPerUser slots; see [Limits], also Overflow"),
                RegisterOutcome.TooManyConnections => (RefusalReason.ConnectionsPerUser, "its user has ConnectionsPerUser connections; see [Limits]"),
                _ => (RefusalReason.StateFile, "the state file cannot grow; make room on its file system"),
            };
            Complain(peer, request.ConnId, reason, text);
            return ResponseStatus.NoFreeSlots;
        }

        if (outcome == RegisterOutcome.KnownAlready)
        {
            return ResponseStatus.Success;
        }

        Log.Registered(log, request.ConnId, peer.Pid, peer.Uid, slot, flow.Source, flow.Destination, request.SupSource, request.SupDestination);
        if (!wasSharing && table.IsShared(slot) && flow != Flow.Shared && _shared.Admit())
        {
            Log.SlotShared(log, slot, request.ConnId, peer.Pid, peer.Uid,
                table.HasSlotToGive ? "its user's flows have SlotsPerUser slots" : "the others are taken");
        }

        if (flow.HasAnyAddress && _anyAddresses.Admit())
        {
            Log.AnyAddress(log, slot, request.ConnId, peer.Pid, flow.Source, flow.Destination);
        }

        return ResponseStatus.Success;
    }

    private ResponseStatus Deregister(PeerSocket peer, uint connId)
    {
        if (processes.TryFind(peer, out var process) && table.TryDeregister(peer.Pid, connId, out var slot))
        {
            Log.Deregistered(log, connId, peer.Pid, peer.Uid, slot);
            ReleaseUnlessConnected(process!);
        }
        else if (_unknown.Admit())
        {
            Log.NotRegistered(log, connId, peer.Pid, peer.Uid);
        }

        return ResponseStatus.Success;
    }

    private void ReleaseUnlessConnected(PeerProcess process)
    {
        if (table.ConnectionsOfProcess(process.Identity.Pid) == 0)
        {
            processes.Release(process);
        }
    }

    private void Complain(PeerSocket peer, uint connId, RefusalReason reason, string text)
    {
        Count(reason);
        if (_refusals.Admit())
        {
            Log.RegisterRefused(log, connId, peer.Pid, peer.Uid, text);
        }
    }

    private void Count(RefusalReason reason)
    {
        _refused[(int)reason]++;
        Refused?.Invoke();
    }
}
