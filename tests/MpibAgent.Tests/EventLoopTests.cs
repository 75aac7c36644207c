using System.IO.Pipes;
using Microsoft.Extensions.Logging.Abstractions;

namespace MpibAgent.Tests;

public sealed class EventLoopTests : IAsyncLifetime
{
    private readonly TestLifetime _lifetime = new();
    private readonly EventLoop _loop;

    public EventLoopTests() => _loop = new EventLoop(TimeProvider.System, _lifetime, NullLogger<EventLoop>.Instance);

    public async ValueTask InitializeAsync()
    {
        await _loop.StartAsync(TestContext.Current.CancellationToken);
        await _loop.StartedAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _loop.StopAsync(CancellationToken.None);
        _loop.Dispose();
        _lifetime.Dispose();
    }

    [Fact]
    public async Task Work_runs_on_the_loops_thread_in_the_order_of_posting()
    {
        var order = new List<int>();
        var threads = new HashSet<int>();
        for (var i = 0; i < 100; i++)
        {
            var n = i;
            _loop.Post(() =>
            {
                order.Add(n);
                threads.Add(Environment.CurrentManagedThreadId);
            });
        }

        await _loop.InvokeAsync(() => { });
        Assert.Equal(Enumerable.Range(0, 100), order);
        Assert.NotEqual(Environment.CurrentManagedThreadId, Assert.Single(threads));
    }

    [Fact]
    public async Task Work_that_work_posts_is_done_with_nobody_else_to_wake_the_loop()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() => _loop.Post(() => _loop.Post(done.SetResult)));
        await done.Task;
    }

    [Fact]
    public async Task What_invoked_work_throws_comes_out_and_the_loop_goes_on()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => _loop.InvokeAsync(() => throw new InvalidOperationException()));
        await _loop.InvokeAsync(() => { });
    }

    [Fact]
    public async Task What_has_no_memory_is_tried_again_and_the_loop_goes_on()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var reader = new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle);
        var (calls, fires) = (0, 0);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _loop.InvokeAsync(() =>
        {
            var descriptor = (int)reader.SafePipeHandle.DangerousGetHandle();
            _loop.Add(descriptor, Ready.Read, _ =>
            {
                if (++calls == 1)
                {
                    throw new InsufficientMemoryException();
                }

                _loop.ForgetShared(descriptor);
            });
            _loop.CreateTimer(() =>
            {
                if (++fires == 1)
                {
                    throw new InsufficientMemoryException();
                }

                done.SetResult();
            }).Arm(TimeSpan.Zero);
        });
        pipe.WriteByte(1);

        await done.Task;
        await _loop.InvokeAsync(() => { });
        Assert.Equal((2, 2), (calls, fires));
        Assert.True(_loop.IsRunning);
    }

    [Fact]
    public async Task Work_posted_behind_what_has_no_memory_is_done_in_its_order_and_waits_for_nothing_else()
    {
        var order = new List<int>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() =>
        {
            // From the loop's own thread: all three are there when the next turn comes to them.
            _loop.Post(() =>
            {
                order.Add(1);
                if (order.Count == 1)
                {
                    throw new InsufficientMemoryException();
                }
            });
            _loop.Post(() =>
            {
                order.Add(2);
                _loop.Post(() => order.Add(4));
            });
            _loop.Post(() =>
            {
                order.Add(3);
                _loop.Post(done.SetResult);
            });
        });

        await done.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal([1, 1, 2, 3, 4], order);
    }

    [Fact]
    public async Task Timers_fire_once_in_the_order_of_their_time()
    {
        var fired = new List<int>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _loop.InvokeAsync(() =>
        {
            _loop.CreateTimer(() => fired.Add(2)).Arm(TimeSpan.FromMilliseconds(20));
            _loop.CreateTimer(() => fired.Add(1)).Arm(TimeSpan.FromMilliseconds(1));
            var disarmed = _loop.CreateTimer(() => fired.Add(9));
            disarmed.Arm(TimeSpan.FromMilliseconds(5));
            disarmed.Disarm();
            _loop.CreateTimer(done.SetResult).Arm(TimeSpan.FromMilliseconds(60));
        });
        await done.Task;
        Assert.Equal([1, 2], fired);
    }

    [Fact]
    public async Task A_timer_armed_for_before_another_does_not_wait_for_that_one()
    {
        var fired = new List<int>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _loop.InvokeAsync(() =>
        {
            _loop.CreateTimer(() => fired.Add(2)).Arm(TimeSpan.FromHours(1));
            _loop.CreateTimer(() => fired.Add(3)).Arm(TimeSpan.FromHours(2));
        });

        // The loop has slept since, with its alarm set.
        await _loop.InvokeAsync(() => { });
        await _loop.InvokeAsync(() => _loop.CreateTimer(() =>
        {
            fired.Add(1);
            done.SetResult();
        }).Arm(TimeSpan.FromMilliseconds(1)));
        await done.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal([1], fired);
    }

    [Fact]
    public async Task A_timer_that_is_put_off_fires_when_it_was_put_off_to()
    {
        var done = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var due = 0L;
        await _loop.InvokeAsync(() =>
        {
            var timer = _loop.CreateTimer(() => done.SetResult(_loop.Time.GetTimestamp()));
            timer.Arm(TimeSpan.FromMilliseconds(5));

            // In a later turn: the alarm is set for the first of them, and rings in vain.
            _loop.Post(() =>
            {
                timer.Arm(TimeSpan.FromMilliseconds(50));
                due = timer.Due;
            });
        });
        var fired = await done.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.True(fired >= due, $"fired at {fired}, due at {due}");
    }

    [Fact]
    public async Task A_forgotten_descriptor_is_not_called_for_an_event_of_the_same_batch()
    {
        using var first = new AnonymousPipeServerStream(PipeDirection.Out);
        using var second = new AnonymousPipeServerStream(PipeDirection.Out);
        var descriptors = new[] { Descriptor(first), Descriptor(second) };
        var called = new List<int>();
        await _loop.InvokeAsync(() =>
        {
            foreach (var descriptor in descriptors)
            {
                _loop.Add(descriptor, Ready.Read, _ =>
                {
                    called.Add(descriptor);
                    _loop.Forget(descriptors[0]);
                    _loop.Forget(descriptors[1]);
                    first.ClientSafePipeHandle.Dispose();
                    second.ClientSafePipeHandle.Dispose();
                });
            }

            // Both become ready before the loop looks again.
            first.WriteByte(1);
            second.WriteByte(1);
        });
        await _loop.InvokeAsync(() => { });
        await _loop.InvokeAsync(() => { });
        Assert.Single(called);

        static int Descriptor(AnonymousPipeServerStream pipe) => (int)pipe.ClientSafePipeHandle.DangerousGetHandle();
    }

    [Fact]
    public async Task Work_that_is_invoked_before_the_loops_thread_begins_runs_at_once_on_the_callers()
    {
        using var loop = new EventLoop(TimeProvider.System, _lifetime, NullLogger<EventLoop>.Instance);
        var thread = 0;
        await loop.InvokeAsync(() => thread = Environment.CurrentManagedThreadId);
        Assert.Equal(Environment.CurrentManagedThreadId, thread);
        await Assert.ThrowsAsync<InvalidOperationException>(() => loop.InvokeAsync(() => throw new InvalidOperationException()));
    }

    [Fact]
    public async Task Work_that_is_posted_before_the_loops_thread_begins_waits_for_it()
    {
        using var loop = new EventLoop(TimeProvider.System, _lifetime, NullLogger<EventLoop>.Instance);
        var threads = new List<int>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() => threads.Add(Environment.CurrentManagedThreadId));
        loop.Post(done.SetResult);
        await loop.StartAsync(CancellationToken.None);
        Assert.Empty(threads);

        // Nothing else wakes it.
        await loop.StartedAsync(CancellationToken.None);
        await done.Task;
        Assert.NotEqual(Environment.CurrentManagedThreadId, Assert.Single(threads));
        await loop.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_bug_in_a_handler_stops_the_agent_with_an_error_and_leaves_nobody_waiting()
    {
        try
        {
            _loop.Post(() =>
            {
                _loop.Post(() => throw new InvalidOperationException("a bug"));
                _loop.Post(() => throw new InvalidOperationException("another one behind it"));
            });
            Wait.Until(() => _lifetime.ApplicationStopping.IsCancellationRequested);
            Assert.Equal(1, Environment.ExitCode);
            await _loop.InvokeAsync(() => { });
        }
        finally
        {
            Environment.ExitCode = 0;
        }
    }
}
