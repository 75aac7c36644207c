namespace MpibAgent.Rails;

/// <summary>
/// A device of one of the two kinds that can be a rail, with its files open. What it says is read anew at each call and null where it cannot
/// be read. Owned by a <see cref="Rail"/>, on the thread that reads.
/// </summary>
internal abstract class RailDevice : IDisposable
{
    private readonly List<SysfsFile> _files = [];
    private readonly ulong? _inode;

    /// <param name="directory">Where its files are.</param>
    /// <param name="tx">The counter of what it sent.</param>
    /// <param name="txUnit">Bytes per count of that.</param>
    /// <param name="state">The link's state.</param>
    /// <param name="rate">The link's rate.</param>
    protected RailDevice(string directory, string tx, uint txUnit, string state, string rate)
    {
        Directory = directory;
        TxUnit = txUnit;
        Tx = FileOf(tx);
        State = FileOf(state);
        Rate = FileOf(rate);
        _inode = InodeOf(directory);
    }

    /// <summary>Where its files are.</summary>
    public string Directory { get; }

    /// <summary>Its counter of what it sent.</summary>
    public SysfsFile Tx { get; }

    /// <summary>Bytes per count of it.</summary>
    public uint TxUnit { get; }

    /// <summary>rdma or interface.</summary>
    public abstract string Kind { get; }

    /// <summary>What it is, for the log.</summary>
    public abstract string Description { get; }

    /// <summary>What makes its counter or its rate another thing than a policy takes it for.</summary>
    public abstract IEnumerable<string> Caveats { get; }

    /// <summary>The interface whose counter has what it sends, where it has none itself; null where there is no such interface.</summary>
    public virtual string? CountedBy => null;

    /// <summary>How long the slow counters stay as they are.</summary>
    public virtual TimeSpan SlowInterval => TimeSpan.MaxValue;

    /// <summary>Whether a read has found that it is gone.</summary>
    public bool IsGone => Tx.IsOrphaned || State.IsOrphaned;

    /// <summary>Whether its directory is still the one whose files are open.</summary>
    public bool IsInPlace => _inode is not null && InodeOf(Directory) == _inode;

    protected SysfsFile State { get; }

    protected SysfsFile Rate { get; }

    /// <summary>The index of the network interface whose link is this device's; null where no interface tells of it.</summary>
    public virtual int? InterfaceIndex => null;

    /// <summary>Opens the files that are not open.</summary>
    public virtual void Open()
    {
        foreach (var file in _files)
        {
            file.Open();
        }
    }

    /// <summary>Whether its link is up.</summary>
    public abstract bool? ReadIsUp();

    /// <summary>The link's rate in bytes per second.</summary>
    public abstract double? ReadLinkRate();

    /// <summary>The counters that need not be new in every sample.</summary>
    public virtual SlowCounters ReadSlow() => default;

    public void Dispose() => _files.ForEach(file => file.Dispose());

    /// <summary>One more file of its directory, opened and closed with the others.</summary>
    protected SysfsFile FileOf(string name)
    {
        var file = new SysfsFile($"{Directory}/{name}");
        _files.Add(file);
        return file;
    }

    private static ulong? InodeOf(string directory) => FileStatus.OfTarget(directory)?.Inode;
}

/// <summary>The counters of <see cref="Policy.RailSample"/> besides the bytes.</summary>
internal readonly record struct SlowCounters(ulong? Timeouts, ulong? Notifications, ulong? WaitTicks);
