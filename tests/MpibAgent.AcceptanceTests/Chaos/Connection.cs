namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>One connection of a client as the model knows it: the flows that it may have at the agent.</summary>
internal sealed class Connection
{
    /// <summary>In place of a flow: it is not registered.</summary>
    public const int None = -1;

    private int[] _possible = [None];
    private int[] _before = [None];

    /// <summary>Whether it may have the flow, or be unregistered.</summary>
    public bool MayHave(int flow) => _possible.Contains(flow);

    /// <summary>Its flow, or None, when there is no doubt.</summary>
    public int? Flow => _possible is [var flow] ? flow : null;

    public bool IsInDoubt => _possible.Length > 1;

    /// <summary>Whether it is certainly registered.</summary>
    public bool IsRegistered => Flow is { } flow && flow != None;

    /// <summary>The slot that it was told; -1 when it is not certain to have one.</summary>
    public int Slot { get; private set; } = -1;

    /// <summary>Whether it may have left its flow, for a moment at least, since <see cref="Anchor"/>.</summary>
    public bool IsAnchored { get; private set; }

    public void Anchor() => IsAnchored = IsRegistered;

    /// <summary>It is asked to go to a flow, or to None.</summary>
    public void Begin(int flow)
    {
        _before = _possible;
        if (!_possible.Contains(flow))
        {
            _possible = [.. _possible, flow];
            IsAnchored = false;
        }
    }

    /// <summary>What became of that.</summary>
    public void End(int flow, Reply reply)
    {
        if (reply.Kind == ReplyKind.Done)
        {
            _possible = [flow];
            Slot = flow == None ? -1 : reply.Slot;
        }
        else if (reply.Kind != ReplyKind.InDoubt)
        {
            _possible = _before;
        }
        else if (IsInDoubt)
        {
            Slot = -1;
        }
    }

    /// <summary>It has come out whether it is registered at all.</summary>
    public void Learn(bool isRegistered) => _possible = [.. _possible.Where(flow => (flow != None) == isRegistered)];

    public override string ToString() => $"flow {string.Join(" or ", _possible.Select(flow => flow == None ? "none" : $"{flow}"))}, slot {Slot}";
}
