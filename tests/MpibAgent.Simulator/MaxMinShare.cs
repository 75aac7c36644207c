namespace MpibAgent.Simulator;

/// <summary>
/// Shares the rails out among several flows: max-min fair in the rate on a rail, where what a flow wants of one rail is bounded by what its other
/// rail lets through. The two depend on each other, so that a few sweeps approach the fixed point.
/// </summary>
internal sealed class MaxMinShare
{
    private const int Sweeps = 6;
    private const int UsesPerFlow = 4;
    private const double Unbounded = 1e18;

    /// <summary>A flow with a smaller part on a rail does not use it.</summary>
    private const double SmallestPart = 1e-9;

    private readonly bool _sharedPath;
    private readonly int _hosts;
    private readonly double[] _capacity;
    private readonly double[] _wanted;
    private readonly int[] _useCount;

    // By use: flow * UsesPerFlow + number of the use.
    private readonly int[] _resource;
    private readonly double[] _part;
    private readonly double[] _bound;

    // By resource: the uses of it; and the resources in the order in which the flows first use them.
    private readonly int[][] _users;
    private readonly int[] _userCount;
    private readonly int[] _order;
    private readonly double[] _demand;
    private readonly int[] _sorted;
    private int _resourcesUsed;

    public MaxMinShare(int flows, int hosts, bool sharedPath)
    {
        _hosts = hosts;
        _sharedPath = sharedPath;
        var resources = (2 * hosts) + 2;
        _capacity = new double[resources];
        _wanted = new double[flows];
        _useCount = new int[flows];
        _resource = new int[flows * UsesPerFlow];
        _part = new double[flows * UsesPerFlow];
        _bound = new double[flows * UsesPerFlow];
        _users = [.. Enumerable.Range(0, resources).Select(_ => new int[flows])];
        _userCount = new int[resources];
        _order = new int[resources];
        _demand = new double[flows];
        _sorted = new int[flows];
    }

    /// <summary>Sets the rate of each flow.</summary>
    /// <param name="flows">Those that have something to send, with their demand.</param>
    /// <param name="nic">Bytes per second that each host's NICs give, by rail.</param>
    /// <param name="path">Bytes per second that the paths give, by rail.</param>
    /// <param name="time">Seconds.</param>
    public void Apply(ReadOnlySpan<FlowState> flows, double[] nic, double[] path, double time)
    {
        SetCapacities(nic, path);
        CollectUses(flows, time);
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            var changed = false;
            for (var i = 0; i < _resourcesUsed; i++)
            {
                changed |= ShareOut(_order[i]);
            }

            // What did not move will not move.
            if (!changed)
            {
                break;
            }
        }

        for (var i = 0; i < flows.Length; i++)
        {
            flows[i].Rate = Wanted(i, without: -1);
        }
    }

    private void SetCapacities(double[] nic, double[] path)
    {
        for (var rail = 0; rail < 2; rail++)
        {
            for (var host = 0; host < _hosts; host++)
            {
                _capacity[(2 * host) + rail] = _sharedPath ? nic[rail] : Math.Min(nic[rail], path[rail]);
            }

            _capacity[(2 * _hosts) + rail] = path[rail];
        }
    }

    private void CollectUses(ReadOnlySpan<FlowState> flows, double time)
    {
        Array.Clear(_userCount);
        _resourcesUsed = 0;
        for (var i = 0; i < flows.Length; i++)
        {
            var flow = flows[i];
            _wanted[i] = flow.Demand;
            _useCount[i] = 0;
            for (var rail = 0; rail < 2; rail++)
            {
                var part = flow.ShareOf(rail);
                if (part > SmallestPart)
                {
                    _wanted[i] = Math.Min(_wanted[i], flow.Limits[rail].At(time) * TwoRails.Gbps / part);
                    AddUse(i, (2 * flow.Host) + rail, part);
                    if (_sharedPath)
                    {
                        AddUse(i, (2 * _hosts) + rail, part);
                    }
                }
            }
        }
    }

    private void AddUse(int flow, int resource, double part)
    {
        var use = (flow * UsesPerFlow) + _useCount[flow]++;
        _resource[use] = resource;
        _part[use] = part;
        _bound[use] = Unbounded;
        if (_userCount[resource] == 0)
        {
            _order[_resourcesUsed++] = resource;
        }

        _users[resource][_userCount[resource]++] = use;
    }

    /// <summary>What a flow would send if it were not for one of its uses.</summary>
    private double Wanted(int flow, int without)
    {
        var wanted = _wanted[flow];
        var first = flow * UsesPerFlow;
        for (var use = first; use < first + _useCount[flow]; use++)
        {
            if (use != without && _bound[use] < wanted)
            {
                wanted = _bound[use];
            }
        }

        return wanted;
    }

    private bool ShareOut(int resource)
    {
        var users = _users[resource].AsSpan(0, _userCount[resource]);
        for (var i = 0; i < users.Length; i++)
        {
            _demand[i] = _part[users[i]] * Wanted(users[i] / UsesPerFlow, without: users[i]);
            Insert(i);
        }

        var level = Level(users.Length, _capacity[resource]);
        var changed = false;
        for (var i = 0; i < users.Length; i++)
        {
            var bound = _demand[i] >= level * (1 - 1e-9) ? level / _part[users[i]] : Unbounded;
            changed |= bound != _bound[users[i]];
            _bound[users[i]] = bound;
        }

        return changed;
    }

    /// <summary>Puts a demand at its place among those before it, smallest first.</summary>
    private void Insert(int index)
    {
        var place = index;
        while (place > 0 && _demand[_sorted[place - 1]] > _demand[index])
        {
            _sorted[place] = _sorted[place - 1];
            place--;
        }

        _sorted[place] = index;
    }

    /// <summary>The rate at which those are cut that want more than their part of what is left.</summary>
    private double Level(int count, double left)
    {
        for (var i = 0; i < count; i++)
        {
            var demand = _demand[_sorted[i]];
            if (demand * (count - i) >= left)
            {
                return left / (count - i);
            }

            left -= demand;
        }

        return Unbounded;
    }
}
