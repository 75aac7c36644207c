using MpibAgent.Interface;

namespace MpibAgent.Simulator;

/// <summary>What a policy is told about the host that it is made for.</summary>
/// <param name="SoutLinkRate">Bytes per second.</param>
/// <param name="SupLinkRate">Bytes per second.</param>
/// <param name="Encoding">How its shares are written.</param>
/// <param name="Period">How often it should sample.</param>
/// <param name="Seed">For what it decides by chance: a host's own, and the same in every run of the same seed.</param>
/// <param name="FlowCount">How many flows it steers.</param>
internal sealed record SimulatedHost(
    double SoutLinkRate, double SupLinkRate, HintEncoding Encoding, TimeSpan Period, int Seed, int FlowCount);
