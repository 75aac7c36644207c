using System.Runtime.InteropServices;

namespace MpibAgent.Slots;

/// <summary>How many slots and connections each user holds. A user who holds nothing is forgotten.</summary>
internal sealed class UserUsage
{
    private readonly Dictionary<uint, (int Slots, int Connections)> _byUid = [];

    public (int Slots, int Connections) Of(uint uid) => _byUid.GetValueOrDefault(uid);

    /// <summary>Makes room for one more user, so that <see cref="Add"/> takes no memory.</summary>
    public void Reserve() => _byUid.EnsureCapacity(_byUid.Count + 1);

    public void Add(uint uid, int slots, int connections)
    {
        ref var usage = ref CollectionsMarshal.GetValueRefOrAddDefault(_byUid, uid, out _);
        usage = (usage.Slots + slots, usage.Connections + connections);
        if (usage == default)
        {
            _byUid.Remove(uid);
        }
    }
}
