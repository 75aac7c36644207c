using MpibAgent.Policy;

namespace MpibAgent.Simulator.Baselines;

/// <summary>Takes a rail out at once when it is down, dead by its error counters, or full by telemetry: whatever the climb says.</summary>
internal sealed class RailGuard
{
    private const double FullLevel = 240;
    private const double FreeLevel = 200;
    private const double FullHold = 0.02;
    private const double Retry = 1;
    private const double LongestRetry = 30;
    private const double UpHold = 0.2;
    private const double Silence = 2;

    private readonly bool[] _isFull = new bool[2];
    private readonly double[] _fullAt = new double[2];
    private readonly double[] _outUntil = [-1, -1];
    private readonly double[] _retry = [Retry, Retry];
    private readonly double[] _diedAt = [-99, -99];
    private readonly bool[] _wasUp = [true, true];
    private readonly ulong?[] _timeouts = new ulong?[2];
    private readonly bool[] _isOut = new bool[2];

    // The watch for a black hole behind SUP where there are no error counters.
    private double? _busyAt;
    private bool _isSafe;
    private int _busySamples;
    private double _restoredAt = -9;

    /// <returns>The share that must be, or null.</returns>
    public double? Step(in Observation seen, ReadOnlySpan<PathLevels> paths, bool isBusy)
    {
        var time = seen.Time.TotalSeconds;
        Array.Clear(_isOut);
        StepLink(TwoRails.Sout, seen.Sout, time);
        StepLink(TwoRails.Sup, seen.Sup, time);
        if (paths is [{ Sout: { } sout, Sup: { } sup }, ..])
        {
            StepTelemetry(TwoRails.Sout, sout, time);
            StepTelemetry(TwoRails.Sup, sup, time);
            if (_isFull[TwoRails.Sout] != _isFull[TwoRails.Sup])
            {
                _isOut[_isFull[TwoRails.Sout] ? TwoRails.Sout : TwoRails.Sup] = true;
            }
        }

        if (seen.Sout.Timeouts is not null)
        {
            StepTimeouts(TwoRails.Sout, seen.Sout, isBusy, time);
            StepTimeouts(TwoRails.Sup, seen.Sup, isBusy, time);
        }
        else
        {
            StepSilence(isBusy, time);
        }

        return (_isOut[TwoRails.Sout], _isOut[TwoRails.Sup]) switch
        {
            (false, true) => 0,
            (true, false) => 1,
            _ => null,
        };
    }

    private void StepLink(int rail, in RailSample sample, double time)
    {
        if (!sample.IsUp)
        {
            _isOut[rail] = true;
        }
        else if (!_wasUp[rail])
        {
            _outUntil[rail] = Math.Max(_outUntil[rail], time + UpHold);
        }

        _wasUp[rail] = sample.IsUp;
        _isOut[rail] |= time < _outUntil[rail];
    }

    private void StepTelemetry(int rail, byte level, double time)
    {
        if (level > FullLevel)
        {
            _isFull[rail] = true;
            _fullAt[rail] = time;
        }
        else if (level < FreeLevel && time - _fullAt[rail] > FullHold)
        {
            _isFull[rail] = false;
        }
    }

    private void StepTimeouts(int rail, in RailSample sample, bool isBusy, double time)
    {
        if (sample.Timeouts > _timeouts[rail] && !isBusy && !_isOut[rail])
        {
            TakeOut(rail, time);
        }

        _timeouts[rail] = sample.Timeouts;
    }

    private void StepSilence(bool isBusy, double time)
    {
        if (isBusy)
        {
            _busySamples++;
            if (_isSafe && _busySamples >= 2)
            {
                _isSafe = false;
                _restoredAt = time;
            }

            _busyAt = time;
        }
        else
        {
            if (_busyAt is { } busyAt)
            {
                if (!_isSafe && _busySamples > 0 && busyAt - _restoredAt is >= 0 and < 0.03)
                {
                    TakeOut(TwoRails.Sup, time);
                    _restoredAt = -9;
                }

                _isSafe |= time - busyAt > Silence;
            }

            _busySamples = 0;
        }

        _isOut[TwoRails.Sup] |= _isSafe;
    }

    /// <summary>For a second, and twice as long each time it happens again within a minute.</summary>
    private void TakeOut(int rail, double time)
    {
        if (time - _diedAt[rail] > 60)
        {
            _retry[rail] = Retry;
        }

        _outUntil[rail] = time + _retry[rail];
        _diedAt[rail] = time;
        _retry[rail] = Math.Min(LongestRetry, 2 * _retry[rail]);
        _isOut[rail] = true;
    }
}
