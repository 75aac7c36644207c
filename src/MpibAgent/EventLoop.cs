using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MpibAgent.Logging;

namespace MpibAgent;

/// <summary>
/// One thread, one epoll: descriptors, timers and posted work, in one order. First of the hosted services to start and last to stop.
/// Its thread begins when all the others have started, which until then are alone with it on the host's. From then on everything
/// but InvokeAsync, <see cref="Post"/>, <see cref="TryPost"/>, <see cref="IsRunning"/> and <see cref="HasPosted"/> is called on the loop's own thread.
/// Sleeps in the kernel until a descriptor is ready; the first timer that is due is one of them.
/// </summary>
/// <remarks>
/// Memory that the system does not give for a moment ends neither the loop nor the agent. Who is called from here takes what it needs before it
/// changes anything, or does without, so that what an OutOfMemoryException cuts off is as if it had not begun: a descriptor is still ready in the next
/// turn, a timer fires once more, posted work is run again. The loop waits a little before it goes on.
/// </remarks>
internal sealed partial class EventLoop(TimeProvider time, IHostApplicationLifetime lifetime, ILogger<EventLoop> log) : IHostedLifecycleService, IDisposable
{
    private const int WithoutMemoryMilliseconds = 10;
    private static readonly TimeSpan RetryWithoutMemory = TimeSpan.FromSeconds(1);

    private readonly FloodGate _withoutMemory = new(time, limit: 1);
    private readonly List<LoopTimer> _timers = [];
    private readonly Lock _gate = new();
    private Queue<Action> _posted = new(16);
    private Queue<Action> _running = new(16);
    private Watch[] _watches = new Watch[64];
    private Thread? _thread;
    private Epoll? _epoll;
    private WakeUp? _wake;
    private AlarmClock? _alarm;
    private long _alarmAt = long.MaxValue;
    private bool _stopping;
    private bool _ended;

    /// <summary>Called at the end of every turn, before the loop sleeps. True keeps it from sleeping: more may be done at once.</summary>
    public Func<bool>? TurnEnded { get; set; }

    /// <summary>Whether somebody wants <see cref="TurnBegan"/>.</summary>
    public bool TimesTurns { get; set; }

    /// <summary>When the loop last woke up, by <see cref="Time"/>: what it does since was there to be done by then.</summary>
    public long TurnBegan { get; private set; }

    /// <summary>Whether its thread is there to fire timers and events.</summary>
    public bool IsRunning
    {
        get
        {
            lock (_gate)
            {
                return _thread is not null && !_ended;
            }
        }
    }

    /// <summary>The clock of the loop's timers; it never jumps.</summary>
    public TimeProvider Time => time;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _epoll = new Epoll();
        var wake = WakeUp.TryMake() ?? throw new IOException($"eventfd: {Marshal.GetLastPInvokeErrorMessage()}");
        _wake = wake;
        Add(wake.Descriptor, Ready.Read, _ => wake.Take());
        _alarm = new AlarmClock();
        Add(_alarm.Descriptor, Ready.Read | Ready.EdgeTriggered, _ => _alarmAt = long.MaxValue);
        return Task.CompletedTask;
    }

    /// <summary>All services have started: from here on the loop's thread has them.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var thread = new Thread(Run, maxStackSize: 256 * 1024) { Name = "mpib-loop" };
        lock (_gate)
        {
            thread.Start();
            _thread = thread;
        }

        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken)
    {
        End();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        End();
        _epoll?.Dispose();
        _wake?.Dispose();
        _alarm?.Dispose();
    }

    /// <summary>Runs <paramref name="action"/> as below; what it throws comes out of the task.</summary>
    public Task InvokeAsync(Action action) => InvokeAsync(() =>
    {
        action();
        return Task.CompletedTask;
    });

    /// <summary>
    /// Starts <paramref name="action"/> on the loop's thread, and ends when the task that it returns ends. While there is no such thread (before all have
    /// started, at the end of a stop, after a bug) the caller runs it, who must be the host: nobody else is there to be in its way.
    /// </summary>
    public Task InvokeAsync(Func<Task> action)
    {
        if (!IsRunning)
        {
            return Try(action);
        }

        // Continuations do not run on the loop's thread: the host's own code is not its work.
        var done = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => done.SetResult(Try(action)));
        return done.Task.Unwrap();
    }

    /// <summary>
    /// Has <paramref name="action"/> run on the loop's thread after what is being handled now; before the thread has begun, as the first that it does.
    /// When it has ended the caller runs it. Any thread may post at any time.
    /// </summary>
    public void Post(Action action)
    {
        if (!TryPost(action))
        {
            action();
        }
    }

    /// <summary>Has the loop's thread run <paramref name="action"/>; false, and nothing is run, once the loop has ended.</summary>
    public bool TryPost(Action action)
    {
        lock (_gate)
        {
            if (_ended)
            {
                return false;
            }

            _posted.Enqueue(action);
            if (_thread is not null && Thread.CurrentThread != _thread)
            {
                _wake!.Signal();
            }

            return true;
        }
    }

    /// <summary>Calls <paramref name="handler"/> whenever <paramref name="descriptor"/> is ready for one of <paramref name="interest"/>.</summary>
    /// <exception cref="IOException">The kernel has no room for it.</exception>
    /// <exception cref="OutOfMemoryException">We have none; nothing has changed.</exception>
    public void Add(int descriptor, Ready interest, Action<Ready> handler)
    {
        if (descriptor >= _watches.Length)
        {
            Array.Resize(ref _watches, Math.Max(descriptor + 1, _watches.Length * 2));
        }

        ref var watch = ref _watches[descriptor];
        watch.Handler = handler;
        _epoll!.Add(descriptor, interest, ++watch.Generation);
    }

    /// <summary>Changes what <paramref name="descriptor"/> is waited for.</summary>
    public void Change(int descriptor, Ready interest) =>
        _epoll!.Change(descriptor, interest, _watches[descriptor].Generation);

    /// <summary>Forgets a descriptor that others have open too, so that closing ours does not take it out of the epoll.</summary>
    public void ForgetShared(int descriptor)
    {
        _epoll!.Delete(descriptor);
        Forget(descriptor);
    }

    /// <summary>Forgets <paramref name="descriptor"/>, which its owner closes right after: that takes it out of the epoll as well.</summary>
    public void Forget(int descriptor)
    {
        // The next owner of this number gets another generation, so an event still in the current batch finds nobody.
        _watches[descriptor].Handler = null;
        _watches[descriptor].Generation++;
    }

    /// <summary>A timer that calls <paramref name="action"/> on the loop's thread; not armed yet.</summary>
    public LoopTimer CreateTimer(Action action)
    {
        var timer = new LoopTimer(time, action);
        _timers.Add(timer);
        return timer;
    }

    private static Task Try(Func<Task> action)
    {
        try
        {
            return action();
        }
        catch (Exception fault)
        {
            return Task.FromException(fault);
        }
    }

    private void End()
    {
        if (_thread is { IsAlive: true } thread)
        {
            Post(() => _stopping = true);
            thread.Join();
        }
    }

    private void Run()
    {
        try
        {
            var moreToDo = HasPosted;
            while (!_stopping)
            {
                if (!moreToDo)
                {
                    SetAlarm();
                }

                var count = _epoll!.Wait(moreToDo);
                if (TimesTurns)
                {
                    TurnBegan = time.GetTimestamp();
                }

                for (var i = 0; i < count; i++)
                {
                    var (descriptor, generation, ready) = _epoll.EventAt(i);
                    if (_watches[descriptor] is { Handler: { } handler } watch && watch.Generation == generation)
                    {
                        try
                        {
                            handler(ready);
                        }
                        catch (OutOfMemoryException)
                        {
                            GoOnWithoutMemory();
                        }
                    }
                }

                moreToDo = EndTurn();
            }
        }
        catch (Exception bug)
        {
            // Half of the work may be done: end with an error, and let systemd start a fresh agent on the same region.
            Log.LoopFailed(log, bug);
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }

        lock (_gate)
        {
            _ended = true;
        }

        RunRest();
    }

    /// <summary>What was posted before the end, also behind a bug.</summary>
    private void RunRest()
    {
        for (var isDone = false; !isDone;)
        {
            try
            {
                RunPosted();
                isDone = true;
            }
            catch (OutOfMemoryException)
            {
                Environment.ExitCode = 1;
                isDone = true;
            }
            catch (Exception bug)
            {
                Log.LoopFailed(log, bug);
                Environment.ExitCode = 1;
            }
        }
    }

    private bool EndTurn()
    {
        try
        {
            RunTimers();
            RunPosted();
            return (TurnEnded?.Invoke() ?? false) | HasPosted;
        }
        catch (OutOfMemoryException)
        {
            GoOnWithoutMemory();
            return true;
        }
    }

    private void GoOnWithoutMemory()
    {
        if (_withoutMemory.Admit())
        {
            Log.WithoutMemory(log);
        }

        // What could not be done is there to be done again at once.
        _ = Poll(0, 0, WithoutMemoryMilliseconds);
    }

    /// <summary>Whether something that was posted waits for the loop; for any thread. The loop's own does not wake itself: before it sleeps it looks here.</summary>
    public bool HasPosted
    {
        get
        {
            lock (_gate)
            {
                return _posted.Count > 0;
            }
        }
    }

    /// <summary>
    /// Has the alarm ring when the first timer is due. One that rings before, for a timer that was armed anew since or not at all, is left: it wakes the loop once in
    /// vain, and to set it back each time would be a system call for each turn. A timeout of epoll_wait(2) would be that, too: the kernel sets up a timer for each sleep and
    /// takes it down when something else comes first, 0.7 µs of a command's way in a virtual machine.
    /// </summary>
    private void SetAlarm()
    {
        var next = long.MaxValue;
        foreach (var timer in _timers)
        {
            next = Math.Min(next, timer.Due);
        }

        if (next < _alarmAt)
        {
            _alarm!.Set((next - time.GetTimestamp()) * (1_000_000_000 / time.TimestampFrequency));
            _alarmAt = next;
        }
    }

    private void RunTimers()
    {
        // By index: a timer's action may create another.
        for (var i = 0; i < _timers.Count; i++)
        {
            var timer = _timers[i];
            if (timer.Due != long.MaxValue && timer.Due <= time.GetTimestamp())
            {
                try
                {
                    timer.Fire();
                }
                catch (OutOfMemoryException)
                {
                    if (!timer.IsArmed)
                    {
                        timer.Arm(RetryWithoutMemory);
                    }

                    throw;
                }
            }
        }
    }

    private void RunPosted()
    {
        // Anything is left of the turn before only where want of memory cut it off.
        RunAll(_running);
        lock (_gate)
        {
            (_posted, _running) = (_running, _posted);
        }

        RunAll(_running);
    }

    /// <summary>What finds no memory stays the first of them, and is run once more.</summary>
    private static void RunAll(Queue<Action> actions)
    {
        while (actions.TryPeek(out var action))
        {
            try
            {
                action();
            }
            catch (Exception fault) when (fault is not OutOfMemoryException)
            {
                actions.Dequeue();
                throw;
            }

            actions.Dequeue();
        }
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(nint descriptors, nuint count, int milliseconds);

    private struct Watch
    {
        public Action<Ready>? Handler;
        public uint Generation;
    }
}
