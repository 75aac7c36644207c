namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>Numbers of signals (signal(7)).</summary>
internal static class Signals
{
    public const int Kill = 9;
    public const int Terminate = 15;
}
