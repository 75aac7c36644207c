namespace MpibAgent.Simulator;

/// <summary>
/// The big messages that a flow has outstanding, oldest first. What each rail gets of a message is fixed when it is posted; a rail sends its
/// parts in order, and a message is delivered when both of its parts are sent.
/// </summary>
/// <param name="window">How many may be outstanding.</param>
internal sealed class MessageQueue(int window)
{
    /// <summary>A split falls on a multiple of this many bytes.</summary>
    private const double Granule = 128;

    /// <summary>Bytes below this are a rounding error.</summary>
    private const double Nothing = 1e-6;

    private readonly double[][] _left = [new double[window], new double[window]];
    private readonly double[] _size = new double[window];

    public int Count { get; private set; }

    public bool IsFull => Count == window;

    public void Post(double size, double share)
    {
        var toSup = Math.Floor(size * share / Granule) * Granule;
        _left[TwoRails.Sout][Count] = size - toSup;
        _left[TwoRails.Sup][Count] = toSup;
        _size[Count++] = size;
    }

    public bool HasLeft(int rail)
    {
        var left = _left[rail];
        for (var i = 0; i < Count; i++)
        {
            if (left[i] > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Sends up to <paramref name="budget"/> bytes over a rail, the oldest message's first.</summary>
    /// <returns>The bytes sent.</returns>
    public double Send(int rail, double budget)
    {
        var left = _left[rail];
        var sent = 0.0;
        for (var i = 0; i < Count; i++)
        {
            if (left[i] > 0)
            {
                var part = Math.Min(left[i], budget);
                left[i] -= part;
                budget -= part;
                sent += part;
                if (budget <= 0)
                {
                    break;
                }
            }
        }

        return sent;
    }

    /// <summary>Takes out the messages whose parts are both sent.</summary>
    /// <returns>Their bytes.</returns>
    public double TakeDelivered()
    {
        var delivered = 0.0;
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_left[TwoRails.Sout][i] <= Nothing && _left[TwoRails.Sup][i] <= Nothing)
            {
                delivered += _size[i];
                continue;
            }

            _left[TwoRails.Sout][kept] = _left[TwoRails.Sout][i];
            _left[TwoRails.Sup][kept] = _left[TwoRails.Sup][i];
            _size[kept++] = _size[i];
        }

        Count = kept;
        return delivered;
    }

    /// <summary>Gives what is left on a rail to the other one.</summary>
    public void MoveFrom(int rail)
    {
        for (var i = 0; i < Count; i++)
        {
            _left[1 - rail][i] += _left[rail][i];
            _left[rail][i] = 0;
        }
    }
}
